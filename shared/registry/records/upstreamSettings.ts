import { z } from 'zod';
import { eraSchema } from './era.ts';
import type { ServerUrl } from './serverUrl.ts';

/** Headers that the gateway or the protocol sets, and headers of one connection (RFC 9110, section 7.6.1). */
const ownHeaders =
  /^(mcp-.*|host|accept|accept-encoding|content-.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*|traceparent|tracestate|origin|cookie)$/;

const headerNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be a header name in lower-case letters')
  .refine((name) => !ownHeaders.test(name), 'is a header that the gateway sets itself');

/** The name of a credential of the settings. */
export const credentialNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be 1 to 60 of a-z, 0-9 and -');

/** Settings for calls to one server; absent fields have the defaults of all servers. */
export const upstreamSettingsSchema = z.strictObject({
  /** How long the server may be silent during a call, in ms; 100,000 when absent. */
  timeoutMs: z.int().min(1_000).max(100_000).optional(),
  /** Retries of an idempotent request when the server cannot be reached; 1 when absent. */
  retries: z.int().min(0).max(3).optional(),
  /** Detected when omitted. */
  era: eraSchema.optional(),
  /** Headers of every request, each with the name of the credential that gives its value. A record never holds the value. */
  headers: z
    .record(headerNameSchema, z.strictObject({ credential: credentialNameSchema }))
    .refine((headers) => Object.keys(headers).length <= 10, 'must be at most 10 headers')
    .optional(),
});
export type UpstreamSettings = z.infer<typeof upstreamSettingsSchema>;

/** What the gateway needs to call a server. It uses the credentials of the server's tenant. */
export interface UpstreamTarget extends ServerUrl {
  readonly tenantId: string;
  readonly upstream?: UpstreamSettings | undefined;
}

/** Returns whether each user signs in to the server: whether one of its headers has a personal credential. */
export const needsUser = (
  { upstream }: Pick<UpstreamTarget, 'upstream'>,
  credentials: { isPersonal(name: string): boolean },
): boolean =>
  Object.values(upstream?.headers ?? {}).some(({ credential }) => credentials.isPersonal(credential));
