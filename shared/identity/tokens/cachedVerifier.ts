import { hash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Principal } from '../access/actor.ts';
import type { TokenVerifier } from './verifyToken.ts';

/** Tokens that are remembered at once; of the tenant with the most, the one that was verified first makes room. */
export const TOKEN_CACHE_SIZE = 1_000;
/** A token is verified anew after this: a key that was taken back is believed no longer. */
export const REFRESH_AFTER_MINUTES = 5;

interface Remembered {
  readonly principal: Principal;
  readonly until: number;
}

/**
 * The same verifier, which checks the signature of a token once in five minutes and not with each request. Only what was
 * found valid is remembered, by a hash of the header, and never for longer than the token is good.
 */
export function rememberVerified(verify: TokenVerifier, clock: Clock): TokenVerifier {
  const known = createTenantCache<Remembered>(TOKEN_CACHE_SIZE);
  return async (authorization) => {
    if (authorization === null) return verify(authorization);
    const key = hash('sha256', authorization, 'base64');
    const now = clock.now().getTime();
    const found = known.get(key);
    if (found && now < found.until) return { principal: found.principal };
    known.delete(key);
    const verdict = await verify(authorization);
    if ('principal' in verdict) {
      const until = Math.min(now + REFRESH_AFTER_MINUTES * 60_000, verdict.principal.expiresAt);
      known.set(verdict.principal.tenantId, key, { principal: verdict.principal, until });
    }
    return verdict;
  };
}
