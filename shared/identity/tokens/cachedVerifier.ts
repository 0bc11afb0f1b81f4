import { hash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Actor } from '../access/actor.ts';
import { REFRESH_AFTER_MINUTES, TOKEN_CACHE_SIZE } from '../limits.ts';
import type { TokenVerifier } from './verifyToken.ts';

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
  return async (authorization, takeCheck) => {
    if (authorization === null) return verify(authorization);
    const key = hash('sha256', authorization, 'base64');
    const now = clock.now().getTime();
    const cached = cache.get(key);
    if (cached && now < cached.until) return { actor: cached.actor };
    cache.delete(key);
    const limited = takeCheck?.();
    if (limited) return { refusal: 'too_many', limited };
    const verdict = await verify(authorization);
    if ('actor' in verdict) {
      const { actor } = verdict;
      const until = Math.min(now + REFRESH_AFTER_MINUTES * 60_000, actor.expiresAt);
      cache.set(actor.tenantId, key, { actor, until });
    }
    return verdict;
  };
}
