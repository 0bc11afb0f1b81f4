import type { z } from 'zod';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import { type AddressPolicy, checkOutboundUrl } from '../../platform/security/addressRules.ts';
import type { Caller } from '../model/caller.ts';
import type { Principal } from '../../identity/access/actor.ts';
import { invalid } from '../../platform/base/invalid.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { holdsHidden, secretsNamedIn, withPlainMarker } from '../../registry/secrets/urlSecrets.ts';
import { literalSecrets } from '../../registry/secrets/literalSecrets.ts';
import { type ServerUrl, openUrl, sealUrl } from '../../registry/records/serverUrl.ts';
import { type ServerContent, type ServerRecord, serverRecordSchema } from '../../registry/records/server.ts';
import { needsUser } from '../../registry/records/upstreamSettings.ts';

export interface ContentRules {
  readonly upstreamPolicy: AddressPolicy;
  /** Where clients reach the gateway. Registered as a server of its own it would call itself without end. */
  readonly publicOrigin: string;
  readonly credentials: Credentials;
  readonly seal: Seal;
  /** The one tenant that may share servers with all others. */
  readonly operatorTenant: string;
}

/** The part of a record that is what somebody said of the server. */
export const recordContentSchema = serverRecordSchema.pick({
  url: true,
  sealedUrl: true,
  title: true,
  description: true,
  tags: true,
  owner: true,
  server: true,
  visibility: true,
  advertise: true,
  upstream: true,
});
export type RecordContent = z.infer<typeof recordContentSchema>;

/** What was said of a registered server. */
export const contentOf = (record: ServerRecord): RecordContent => recordContentSchema.parse(record);

/** The token that a session keeps for the validation of a server that each user signs in to; none where there is no need. */
export const tokenFor = (
  server: Pick<RecordContent, 'upstream'>,
  { principal, token }: Caller,
  { credentials }: ContentRules,
): string | undefined => (needsUser(server, credentials) && principal.kind === 'user' ? token : undefined);

/** What the validation of a server needs to connect to it. */
export const validationInput = ({ url, sealedUrl, upstream }: RecordContent): object => ({
  url,
  ...(sealedUrl !== undefined && { sealedUrl }),
  ...(upstream && { upstream }),
});

/**
 * Returns what is said of a server as its record holds it: secrets of the URL are sealed. `before` is the URL of the record that
 * it replaces. Failure: `invalid`, where the URL, the visibility or a credential cannot be.
 */
export function recordContent(
  slug: string,
  said: ServerContent,
  { tenantId, userId }: Pick<Principal, 'tenantId' | 'userId'>,
  { upstreamPolicy, publicOrigin, credentials, seal, operatorTenant }: ContentRules,
  before?: ServerUrl,
): Result<RecordContent> {
  const { title = slug, description = '', tags = [], owner = userId } = said;
  const { server, visibility, advertise, upstream } = said;
  const whole = wholeUrl(said, tenantId, seal, before);
  if (!whole.ok) return whole;
  const url = checkOutboundUrl(whole.value, upstreamPolicy);
  if (!url.ok) return url;
  if (url.value.origin === publicOrigin) return invalid('url', "must not be the gateway's own address");
  if (visibility === 'shared' && tenantId !== operatorTenant)
    return invalid('visibility', 'may be shared by the first tenant of the settings alone');
  const stored = sealUrl(url.value.href, tenantId, seal);
  if (visibility === 'shared' && stored.sealedUrl !== undefined)
    return invalid('url', publishedSecret(url.value.href));
  for (const [name, { credential }] of Object.entries(upstream?.headers ?? {})) {
    const known = credentials.check(credential, { tenantId, url: url.value.href });
    if (!known.ok) return invalid(`upstream.headers.${name}.credential`, known.error.message);
  }
  return succeed({
    ...stored,
    title,
    description,
    tags,
    owner,
    ...(server && { server }),
    ...(visibility && { visibility }),
    ...(advertise && { advertise }),
    ...(upstream && { upstream }),
  });
}

/** The URL that is meant. The marker stands for the secret of the URL that is stored, and of no other. */
function wholeUrl(
  said: ServerUrl,
  tenantId: string,
  seal: Seal,
  before: ServerUrl | undefined,
): Result<string> {
  const isStored = before !== undefined && withPlainMarker(said.url) === before.url;
  const meant = said.sealedUrl === undefined && isStored ? before : said;
  const whole = openUrl(meant, tenantId, seal);
  if (whole !== undefined && !holdsHidden(whole)) return succeed(whole);
  return invalid('url', 'hides a secret that is not stored for this very URL: give the whole URL');
}

const publishedSecret = (url: string): string =>
  `holds a secret (${[...new Set(secretsNamedIn(url))].join(', ')}), and a shared server is for other tenants: name a credential of the settings in upstream.headers instead`;

/** Failure: `invalid`, where a `server.json` that was stored before holds a literal secret; it names each. */
export function checkSecretFree({ server }: Pick<RecordContent, 'server'>): Result<void> {
  const errors = literalSecrets(server).map(({ path, message }) => ({
    path: ['server', ...path].join('.'),
    message,
  }));
  if (errors.length === 0) return succeed(undefined);
  const message = 'the server.json of this server holds secrets: change the server by PUT, without them';
  return fail({ kind: 'invalid', message, errors });
}
