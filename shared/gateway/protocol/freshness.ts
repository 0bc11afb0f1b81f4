import type { JsonObject } from './jsonRpc.ts';
import { REST_MS } from '../upstream/circuitBreaker.ts';

/** How long clients may keep a result, and for whom (2026-07-28, server/utilities, Caching). */
export interface Freshness {
  readonly ttlMs: number;
  readonly cacheScope: 'private';
}

/*
 * Everything is private: the same URL shows each tenant its own servers, so no cache may give one caller's view to another.
 */

/** What only a server can tell the freshness of, and did not: nobody keeps it. */
export const NOT_FRESH: Freshness = { ttlMs: 0, cacheScope: 'private' };

/**
 * The registry's own answers change when an administrator or a server changes something, which whoever listens hears of at once.
 * For whoever does not, this is what they may be behind: little beside the quarter of an hour after which a server that
 * says nothing is looked at anew, and enough that a client need not list before every turn of a conversation.
 */
const KEPT_MS = 60_000;
export const REGISTRY_FRESH: Freshness = { ttlMs: KEPT_MS, cacheScope: 'private' };

/** A list that names servers which do not answer is outdated when they are tried again. */
export const DEGRADED_FRESH: Freshness = { ttlMs: Math.min(KEPT_MS, REST_MS), cacheScope: 'private' };

const cacheable: ReadonlySet<string> = new Set([
  ...['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
  'resources/read',
]);

/** The results that carry hints; one that asks for another round does not. */
export const isCacheable = (method: string, { resultType = 'complete' }: JsonObject): boolean =>
  cacheable.has(method) && resultType === 'complete';
