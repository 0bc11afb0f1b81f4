import { hash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Actor } from '../access/actor.ts';
import type { TokenVerifier } from './verifyToken.ts';

/** Tokens in the cache. When it is full, the tenant with the most loses the one that was verified first. */
export const TOKEN_CACHE_SIZE = 1_000;
/** A token is verified again after this time, so that a key that the issuer removed is trusted no longer. */
export const REFRESH_AFTER_MINUTES = 5;

interface Verified {
  readonly actor: Actor;
  readonly until: number;
}

/**
 * Returns a verifier that checks the signature of a token once in five minutes, not with each request. It caches valid tokens
 * only, by a hash of the header, and never beyond their expiry.
 */
export function createCachedVerifier(verify: TokenVerifier, clock: Clock): TokenVerifier {
  const cache = createTenantCache<Verified>(TOKEN_CACHE_SIZE);
  return async (authorization) => {
    if (authorization === null) return verify(authorization);
    const key = hash('sha256', authorization, 'base64');
    const now = clock.now().getTime();
    const cached = cache.get(key);
    if (cached && now < cached.until) return { actor: cached.actor };
    cache.delete(key);
    const verdict = await verify(authorization);
    if ('actor' in verdict) {
      const { actor } = verdict;
      const until = Math.min(now + REFRESH_AFTER_MINUTES * 60_000, actor.expiresAt);
      cache.set(actor.tenantId, key, { actor, until });
    }
    return verdict;
  };
}
