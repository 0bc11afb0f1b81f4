import { z } from 'zod';
import { eraSchema } from './era.ts';
import type { ServerUrl } from './serverUrl.ts';

/** What the gateway or the protocol says itself, or what belongs to one connection (RFC 9110, section 7.6.1). */
const ownHeaders =
  /^(mcp-.*|host|accept|accept-encoding|content-.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*|traceparent|tracestate|origin|cookie)$/;

const headerNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be a header name in small letters')
  .refine((name) => !ownHeaders.test(name), 'is a header that the gateway sets itself');

/** How a credential of the settings is named. */
export const credentialNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be 1 to 60 of a-z, 0-9 and -');

/** How the gateway calls one server, where that differs from how it calls all. */
export const upstreamSettingsSchema = z.strictObject({
  /** How long a call may take; 100,000 when absent. */
  timeoutMs: z.int().min(1_000).max(100_000).optional(),
  /** How often a request that changes nothing is sent again when the server could not be reached; 1 when absent. */
  retries: z.int().min(0).max(3).optional(),
  /** Found out when absent. */
  era: eraSchema.optional(),
  /** Headers of every request, each with the credential whose value it has. A value itself is never part of a record. */
  headers: z
    .record(headerNameSchema, z.strictObject({ credential: credentialNameSchema }))
    .refine((headers) => Object.keys(headers).length <= 10, 'must be at most 10 headers')
    .optional(),
});
export type UpstreamSettings = z.infer<typeof upstreamSettingsSchema>;

/** A server, as far as it takes to reach it. Its tenant's credentials are what it is called with. */
export interface UpstreamTarget extends ServerUrl {
  readonly tenantId: string;
  readonly upstream?: UpstreamSettings | undefined;
}

/** Whether each user signs in to the server: one of its headers has a personal credential. */
export const needsUser = (
  { upstream }: Pick<UpstreamTarget, 'upstream'>,
  credentials: { isPersonal(name: string): boolean },
): boolean =>
  Object.values(upstream?.headers ?? {}).some(({ credential }) => credentials.isPersonal(credential));
