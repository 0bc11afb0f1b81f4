import type { JsonObject } from './jsonRpc.ts';
import { CIRCUIT_OPEN_MS, CLIENT_CACHE_MS } from './limits.ts';

/**
 * How long clients may cache a result, and for whom (2026-07-28, server/utilities, Caching). Every result is private: the same
 * URL shows each tenant its own servers, so no shared cache may keep it.
 */
export interface Freshness {
  readonly ttlMs: number;
  readonly cacheScope: 'private';
}

/** For a result whose server gave no hint: clients do not cache it. */
export const NOT_FRESH: Freshness = { ttlMs: 0, cacheScope: 'private' };

/** For the registry's own lists. A client that listens is notified of each change at once. */
export const REGISTRY_FRESH: Freshness = { ttlMs: CLIENT_CACHE_MS, cacheScope: 'private' };

/** For a list that names servers whose circuit breaker is open: it is outdated when they are tried again. */
export const DEGRADED_FRESH: Freshness = {
  ttlMs: Math.min(CLIENT_CACHE_MS, CIRCUIT_OPEN_MS),
  cacheScope: 'private',
};

const cacheable: ReadonlySet<string> = new Set([
  ...['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
  'resources/read',
]);

/** Whether a result carries hints for caches. A result that asks for another MRTR round does not. */
export const isCacheable = (method: string, { resultType = 'complete' }: JsonObject): boolean =>
  cacheable.has(method) && resultType === 'complete';
