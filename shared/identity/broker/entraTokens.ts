import { decodeJwt } from 'jose';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { ExchangeToken } from '../credentials/tokenExchange.ts';
import type { GrantName } from './grant.ts';
import type { Grants } from './grants.ts';
import { originIn } from './tokenOrigin.ts';

/**
 * Returns an exchange that also takes access tokens of the gateway's own: Entra exchanges its own tokens only, so it gets a token
 * that the grant of the person is refreshed for. Further failure: `unauthenticated` where the grant has ended, or where there is
 * none, as for a person of another identity provider.
 */
export const exchangeForGrants =
  (exchange: ExchangeToken, grants: Pick<Grants, 'entraToken'>, issuer: string): ExchangeToken =>
  async (user) => {
    // Whoever has a `SignedIn` has verified its token.
    const grant = originIn(decodeJwt(user.token), issuer);
    if (!grant) return exchange(user);
    const token = await entraTokenFor(grant, grants);
    return token.ok ? exchange({ ...user, token: token.value }) : token;
  };

async function entraTokenFor(grant: GrantName, grants: Pick<Grants, 'entraToken'>): Promise<Result<string>> {
  const person = await grants.entraToken(grant);
  if (person.ok) return succeed(person.value.accessToken);
  return person.error.kind === 'unavailable' ? fail({ kind: 'unavailable', message: AWAY }) : fail(ENDED);
}

const AWAY = 'the token service could not be reached';
const ENDED = { kind: 'unauthenticated', message: 'your sign-in at Entra has ended: sign in again' } as const;
