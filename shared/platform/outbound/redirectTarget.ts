import { readUrl } from '../base/readUrl.ts';
import { headerOf, type OutboundResponse } from './exchange.ts';

/** The redirects of one request that are followed. More than a server that adds a slash and a language needs. */
export const MAX_REDIRECTS = 5;
/** Time for a redirect to end its body. The connection is then free for the next request. */
export const REDIRECT_LINGER_MS = 250;
/** The redirects that keep method and body (RFC 9110, sections 15.4.8 and 15.4.9). */
const KEEP_METHOD: ReadonlySet<number> = new Set([307, 308]);

/**
 * Returns the URL to which a 307 or 308 within the origin leads; `undefined` for every other response. The headers of the request
 * may go along, because they reach no other origin.
 */
export function redirectTarget(response: OutboundResponse, url: string): string | undefined {
  if (!KEEP_METHOD.has(response.statusCode)) return undefined;
  const location = headerOf(response, 'location');
  const target = location === undefined ? undefined : readUrl(location, url);
  if (target?.origin !== new URL(url).origin) return undefined;
  // A fragment is for browsers.
  target.hash = '';
  return target.href;
}
