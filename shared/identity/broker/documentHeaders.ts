import { headerOf, type OutboundResponse } from '../../platform/outbound/exchange.ts';
import { DOCUMENT_AGE_MS, MAX_DOCUMENT_AGE_MS } from '../limits.ts';

/** Returns whether a content type is JSON: `application/json`, or a more specific one (RFC 6839, section 3.1). */
export const isJson = (contentType: string | undefined): boolean =>
  /^application\/(?:[\w.-]+\+)?json$/i.test((contentType ?? '').split(';')[0]?.trim() ?? '');

/** Returns how long in ms a document may be cached (RFC 9111, section 4.2.1), a day at most. */
export function documentLifetimeMs(response: Pick<OutboundResponse, 'headers'>): number {
  const control = headerOf(response, 'cache-control')?.toLowerCase() ?? '';
  if (/\bno-(?:store|cache)\b/.test(control)) return 0;
  const maxAge = /\bmax-age="?(\d{1,10})/.exec(control)?.[1];
  if (maxAge !== undefined) return bounded(Number(maxAge) - Number(headerOf(response, 'age') ?? 0));
  const [expires, date] = ['expires', 'date'].map((name) => Date.parse(headerOf(response, name) ?? ''));
  if (headerOf(response, 'expires') === undefined) return DOCUMENT_AGE_MS;
  return bounded(((expires ?? Number.NaN) - (date ?? Number.NaN)) / 1_000);
}

const bounded = (seconds: number): number =>
  Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1_000), MAX_DOCUMENT_AGE_MS) : 0;
