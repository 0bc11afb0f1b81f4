import type { Actor } from '../../shared/identity/access/actor.ts';
import type { Clock } from '../../shared/platform/base/clock.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import {
  createTokenBuckets,
  type Limited,
  type TokenBuckets,
} from '../../shared/platform/http/tokenBuckets.ts';
import { addressBlockOf } from '../../shared/platform/security/addressRules.ts';

/** How many requests this instance takes. Each instance counts on its own. */
export interface RateLimits {
  /** Takes a token of the address: for a check of a signature, and for an anonymous request that costs as much. */
  takeOfAddress(address: string | undefined): Limited | undefined;
  /** Takes a token of the user or the app, at the client of the request. */
  takeOfPrincipal(actor: Actor): Limited | undefined;
}

export function createRateLimits({ rateLimits }: Pick<Config, 'rateLimits'>, clock: Clock): RateLimits {
  const addresses: TokenBuckets = createTokenBuckets(rateLimits.address, clock);
  const principals: TokenBuckets = createTokenBuckets(rateLimits.principal, clock);
  return {
    takeOfAddress: (address) => addresses.take(addressBlockOf(address ?? '')),
    takeOfPrincipal: ({ tenantId, userId, clientId }) => principals.take(`${tenantId} ${userId} ${clientId}`),
  };
}
