import { hash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import { REFRESH_AFTER_MINUTES, TOKEN_CACHE_SIZE } from '../limits.ts';
import type { Accepted, TokenVerifier } from './verifyToken.ts';

interface Verified {
  readonly accepted: Accepted;
  readonly until: number;
}

/**
 * Returns a verifier that checks the signature of a token once in five minutes, not with each request. It caches valid tokens
 * only, by a hash of the header, and never beyond their expiry. The audience of a token is compared with each request.
 */
export function createCachedVerifier(verify: TokenVerifier, clock: Clock): TokenVerifier {
  const cache = createTenantCache<Verified>(TOKEN_CACHE_SIZE);
  return async (authorization, resource) => {
    if (authorization === null) return verify(authorization, resource);
    const key = hash('sha256', authorization, 'base64');
    const now = clock.now().getTime();
    const cached = cache.get(key);
    if (cached && now < cached.until) {
      const { accepted } = cached;
      const isForOther = accepted.resource !== undefined && accepted.resource !== resource;
      return isForOther ? { refusal: 'wrong_audience' } : accepted;
    }
    cache.delete(key);
    const verdict = await verify(authorization, resource);
    if ('actor' in verdict) {
      const { tenantId, expiresAt } = verdict.actor;
      const until = Math.min(now + REFRESH_AFTER_MINUTES * 60_000, expiresAt);
      cache.set(tenantId, key, { accepted: verdict, until });
    }
    return verdict;
  };
}
