import type * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import { fail, invalid, type Result, succeed } from '../../platform/base/result.ts';
import { type AddressPolicy, checkOutboundUrl } from '../../platform/security/addressRules.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { type ServerContent, type ServerRecord, serverRecordSchema } from '../../registry/records/server.ts';
import { openUrl, sealUrl, type ServerUrl } from '../../registry/records/serverUrl.ts';
import { credentialsIn } from '../../registry/records/upstreamSettings.ts';
import { literalSecrets } from '../../registry/secrets/literalSecrets.ts';
import { holdsHidden, secretsNamedIn, withPlainMarker } from '../../registry/secrets/urlSecrets.ts';

export interface ContentRules {
  readonly upstreamPolicy: AddressPolicy;
  /** The origin of the gateway's endpoints. Registered as a server, the gateway would call itself without end. */
  readonly publicOrigin: string;
  readonly credentials: Credentials;
  readonly seal: Seal;
  /** The only tenant that may share servers with all others. */
  readonly operatorTenant: string;
}

/** The part of a record that its registration or update gave. */
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

/** Returns the content of a registered server. */
export const contentOf = (record: ServerRecord): RecordContent => recordContentSchema.parse(record);

/**
 * Returns content as the record of a server holds it: secrets of the URL are sealed. `before` is the URL of the record that it
 * replaces. Failure: `invalid` URL, visibility or credential.
 */
export function recordContent(
  slug: string,
  said: ServerContent,
  { tenantId, userId }: Pick<Actor, 'tenantId' | 'userId'>,
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
    return invalid('visibility', 'may be shared by the first tenant of the settings only');
  const stored = sealUrl(url.value.href, tenantId, seal);
  if (visibility === 'shared' && stored.sealedUrl !== undefined)
    return invalid('url', publishedSecret(url.value.href));
  for (const [name, credential] of credentialsIn(upstream)) {
    const use = { tenantId, slug, server: url.value.href, url: url.value.href };
    const known = credentials.check(credential, use);
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

/** Returns the URL with its secrets. The marker stands for the secrets of exactly the stored URL. */
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
