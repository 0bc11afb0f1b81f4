import type { z } from 'zod';
import type { Credentials } from '../../identity/credentials.ts';
import { type AddressPolicy, checkOutboundUrl } from '../../platform/addressRules.ts';
import type { Caller } from '../caller.ts';
import type { Principal } from '../../identity/principal.ts';
import { invalid } from '../../platform/invalid.ts';
import { type Result, succeed } from '../../platform/result.ts';
import { type ServerContent, type ServerRecord, serverRecordSchema } from '../../registry/server.ts';
import { needsUser } from '../../registry/upstreamSettings.ts';

export interface ContentRules {
  readonly upstreamPolicy: AddressPolicy;
  /** Where clients reach the gateway. Registered as a server of its own it would call itself without end. */
  readonly publicOrigin: string;
  readonly credentials: Credentials;
  /** The one tenant that may share servers with all others. */
  readonly sharingTenant: string | undefined;
}

/** The part of a record that is what somebody said of the server. */
export const recordContentSchema = serverRecordSchema.pick({
  url: true,
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
export const validationInput = ({ url, upstream }: RecordContent): object => ({
  url,
  ...(upstream && { upstream }),
});

/** What is said of a server, as its record holds it. Failures: `invalid`, where the URL, the visibility or a credential cannot be. */
export function recordContent(
  slug: string,
  said: ServerContent,
  { tenantId, userId }: Pick<Principal, 'tenantId' | 'userId'>,
  { upstreamPolicy, publicOrigin, credentials, sharingTenant }: ContentRules,
): Result<RecordContent> {
  const { title = slug, description = '', tags = [], owner = userId } = said;
  const { server, visibility, advertise, upstream } = said;
  const url = checkOutboundUrl(said.url, upstreamPolicy);
  if (!url.ok) return url;
  if (url.value.origin === publicOrigin) return invalid('url', "must not be the gateway's own address");
  if (visibility === 'shared' && tenantId !== sharingTenant)
    return invalid('visibility', 'may be shared by the first tenant of the settings alone');
  for (const [name, { credential }] of Object.entries(upstream?.headers ?? {})) {
    const known = credentials.check(credential, { tenantId, url: url.value.href });
    if (!known.ok) return invalid(`upstream.headers.${name}.credential`, known.error.message);
  }
  return succeed({
    url: url.value.href,
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
