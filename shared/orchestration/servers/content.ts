import { type AddressPolicy, checkOutboundUrl } from '../../platform/addressRules.ts';
import { invalid } from '../../platform/invalid.ts';
import { type Result, succeed } from '../../platform/result.ts';
import type { ServerContent, ServerRecord } from '../../registry/server.ts';

export interface ContentRules {
  readonly upstreamPolicy: AddressPolicy;
  /** Where clients reach the gateway. Registered as a server of its own it would call itself without end. */
  readonly publicOrigin: string;
}

/** The part of a record that is what somebody said of the server. */
export type RecordContent = Pick<ServerRecord, 'url' | 'title' | 'description' | 'tags' | 'owner' | 'server'>;

/** What is said of a server, as its record holds it. Failure: `invalid` URL. */
export function recordContent(
  slug: string,
  { url: text, server, title = slug, description = '', tags = [], owner }: ServerContent,
  userId: string,
  { upstreamPolicy, publicOrigin }: ContentRules,
): Result<RecordContent> {
  const url = checkOutboundUrl(text, upstreamPolicy);
  if (!url.ok) return url;
  if (url.value.origin === publicOrigin) return invalid('url', "must not be the gateway's own address");
  const content = { url: url.value.href, title, description, tags, owner: owner ?? userId };
  return succeed(server ? { ...content, server } : content);
}
