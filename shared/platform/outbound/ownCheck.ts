import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Seal } from '../security/seal.ts';
import type { OutboundClient } from './outboundClient.ts';

/** The header of a request by which the gateway checks itself. Only the apps can make its value. */
export const OWN_CHECK_HEADER = 'mreg-own-check';

/** Longer than any check takes to send its request, with the difference of two clocks. */
const VALID_MS = 120_000;

const contentSchema = z.object({ until: z.number() });

/** The part of a request that a mark is bound to. */
interface MarkedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** Owner of the mark: this method, path, query and token, so that it marks no other request. */
function boundTo({ method, url, headers }: MarkedRequest): readonly string[] {
  const { pathname, search } = new URL(url);
  const token = createHash('sha256')
    .update(headers.get('authorization') ?? '')
    .digest('base64url');
  return [method, pathname + search, token];
}

/**
 * Returns the client with a mark on each request to the origins of the apps. It must send only requests whose URL and token no
 * caller chooses. A mark is sealed, is valid for two minutes, and is bound to method, path, query and token: a person who reads it
 * can repeat that request and send no other one under it.
 */
export function markOwnChecks(
  outbound: OutboundClient,
  origins: readonly string[],
  { seal, clock }: { readonly seal: Seal; readonly clock: Clock },
): OutboundClient {
  const own = new Set(origins.map((origin) => new URL(origin).origin));
  return {
    ...outbound,
    request(request) {
      const { method, url } = request;
      if (!URL.canParse(url) || !own.has(new URL(url).origin)) return outbound.request(request);
      const marked = { method, url, headers: new Headers(request.headers) };
      const content = { until: clock.now().getTime() + VALID_MS };
      const mark = seal.close('own_check', boundTo(marked), content);
      return outbound.request({ ...request, headers: { ...request.headers, [OWN_CHECK_HEADER]: mark } });
    },
  };
}

/** Returns whether the gateway itself sent a request to check itself. */
export function isOwnCheck(
  request: MarkedRequest,
  { seal, clock }: { readonly seal: Seal; readonly clock: Clock },
): boolean {
  const mark = request.headers.get(OWN_CHECK_HEADER);
  if (mark === null || !URL.canParse(request.url)) return false;
  const content = contentSchema.safeParse(seal.open('own_check', boundTo(request), mark));
  return content.success && content.data.until > clock.now().getTime();
}
