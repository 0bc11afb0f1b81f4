import * as z from 'zod';
import { MAX_HEADER_VALUE_LENGTH } from '../limits.ts';
import { isSecretHeaderValue } from '../secrets/literalSecrets.ts';
import { isSecretName } from '../secrets/secretNames.ts';
import { eraSchema } from './era.ts';
import type { ServerUrl } from './serverUrl.ts';

/** Headers that the gateway or the protocol sets, and headers of one connection (RFC 9110, section 7.6.1). */
const ownHeaders =
  /^(mcp-.*|host|accept|accept-encoding|content-.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*|traceparent|tracestate|origin|cookie|expect|range|if-.*|mreg-.*)$/;

/** Returns whether the gateway or the connection sets this header. The name is in lower case. */
export const isGatewayHeader = (name: string): boolean => ownHeaders.test(name);

const headerNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,59}$/, 'must be a header name in lower-case letters')
  .refine((name) => !isGatewayHeader(name), 'is a header that the gateway sets itself');

/** The name of a credential of the settings. */
export const credentialNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be 1 to 60 of a-z, 0-9 and -');

/** A literal value. Everybody who may read the record sees it, so it must be no credential. */
const literalSchema = z
  .string()
  .max(MAX_HEADER_VALUE_LENGTH)
  // RFC 9110, section 5.5, in ASCII.
  .regex(/^[!-~](?:[\t -~]*[!-~])?$/, 'must be visible ASCII characters, with spaces between them only')
  .refine(
    (value) => !isSecretHeaderValue(value),
    'holds a secret: name a credential of the settings instead',
  );

const headerSchema = z
  .strictObject({ credential: credentialNameSchema.optional(), value: literalSchema.optional() })
  .refine(({ credential, value }) => (credential === undefined) !== (value === undefined), {
    error: 'must have either a credential of the settings or a literal value',
  });

/** Headers by their names in lower case. */
export const headersSchema = z
  .record(headerNameSchema, headerSchema)
  .refine((headers) => Object.keys(headers).length <= 10, 'must be at most 10 headers')
  .superRefine((headers, context) => {
    for (const [name, { value }] of Object.entries(headers))
      if (value !== undefined && isSecretName(name))
        context.addIssue({
          code: 'custom',
          path: [name, 'value'],
          message: 'is a secret by the name of its header: name a credential of the settings instead',
        });
  });

/** Settings for calls to one server; absent fields have the defaults of all servers. */
export const upstreamSettingsSchema = z.strictObject({
  /** How long the server may be silent during a call, in ms; 100,000 when absent. */
  timeoutMs: z.int().min(1_000).max(100_000).optional(),
  /** Retries of an idempotent request when the server cannot be reached; 1 when absent. */
  retries: z.int().min(0).max(3).optional(),
  /** Detected when omitted. */
  era: eraSchema.optional(),
  /** Headers of every request: a literal value, or the name of the credential that gives it. A record never holds a credential. */
  headers: headersSchema.optional(),
});
export type UpstreamSettings = z.infer<typeof upstreamSettingsSchema>;

/** Returns the headers whose value is that of a credential, each with the name of the credential. */
export const credentialsIn = (
  upstream: UpstreamSettings | undefined,
): readonly (readonly [string, string])[] =>
  Object.entries(upstream?.headers ?? {}).flatMap(([name, { credential }]) =>
    credential === undefined ? [] : [[name, credential] as const],
  );

/** Returns the headers with a literal value. */
export const literalsIn = (upstream: UpstreamSettings | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(upstream?.headers ?? {}).flatMap(([name, { value }]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  );

/** What the gateway needs to call a server. It uses the credentials of the server's tenant. */
export interface UpstreamTarget extends ServerUrl {
  readonly tenantId: string;
  /** Absent for a server that is not registered. */
  readonly slug?: string | undefined;
  readonly upstream?: UpstreamSettings | undefined;
}

/** What is known of the credentials that a server names. */
interface PersonalCredentials {
  isPersonal(name: string): boolean;
  isAccount(name: string): boolean;
}
type Settings = Pick<UpstreamTarget, 'upstream'>;

/** Returns whether each user signs in to the server: whether one of its headers has a personal credential. */
export const needsUser = (
  { upstream }: Settings,
  credentials: Pick<PersonalCredentials, 'isPersonal'>,
): boolean => credentialsIn(upstream).some(([, name]) => credentials.isPersonal(name));

/** Returns whether each user needs an account of their own at the server. */
export const needsAccount = (
  { upstream }: Settings,
  credentials: Pick<PersonalCredentials, 'isAccount'>,
): boolean => credentialsIn(upstream).some(([, name]) => credentials.isAccount(name));

/** Returns whether the server is called with a token that needs the sign-in of the user at the gateway. */
export const needsSignIn = ({ upstream }: Settings, credentials: PersonalCredentials): boolean =>
  credentialsIn(upstream).some(([, name]) => credentials.isPersonal(name) && !credentials.isAccount(name));
