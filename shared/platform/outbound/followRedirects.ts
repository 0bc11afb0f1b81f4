import { readUrl } from '../base/readUrl.ts';
import type { Result } from '../base/result.ts';
import { headerOf, type OutboundResponse } from './exchange.ts';

/** More than a server that adds a slash and a language needs. */
const MAX_REDIRECTS = 5;
/** The redirects that keep method and body (RFC 9110, sections 15.4.8 and 15.4.9). */
const KEEP_METHOD: ReadonlySet<number> = new Set([307, 308]);
/** Time for a redirect to end its body. The connection is then free for the next request. */
const LINGER_MS = 250;

/**
 * Sends a request, and sends it again to where a 307 or 308 within the origin leads, five times at most. `send` checks each
 * target. The headers go along, because they reach no other origin. Returns every other response, also a further redirect.
 */
export async function followRedirects<Request extends { readonly url: string }>(
  request: Request,
  send: (request: Request) => Promise<Result<OutboundResponse>>,
): Promise<Result<OutboundResponse>> {
  let sent = await send(request);
  let { url } = request;
  for (let left = MAX_REDIRECTS; left > 0 && sent.ok && KEEP_METHOD.has(sent.value.statusCode); left--) {
    const location = headerOf(sent.value, 'location');
    const target = location === undefined ? undefined : readUrl(location, url);
    if (target?.origin !== new URL(url).origin) return sent;
    sent.value.body.leave(LINGER_MS);
    // A fragment is for browsers.
    target.hash = '';
    url = target.href;
    sent = await send({ ...request, url });
  }
  return sent;
}
