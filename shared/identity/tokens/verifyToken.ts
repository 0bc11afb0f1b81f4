import type { Clock } from '../../platform/base/clock.ts';
import type { Actor } from '../access/actor.ts';
import { bearerToken, holdsSeveral } from './bearerToken.ts';
import type { Refusal } from './refusals.ts';
import { isSignedBy, type KeyClient, remoteSigningKeys, type SigningKey } from './signingKeys.ts';
import { actorOfClaims } from './tokenClaims.ts';
import { readToken, type TokenSettings } from './tokenFacts.ts';
import { tokenRules } from './tokenRules.ts';

/** An admitted token. `resource` is what a token of the gateway's own is for; absent for a token of Entra. */
export interface Accepted {
  readonly actor: Actor;
  readonly resource?: string;
}
export type Verdict = Accepted | { readonly refusal: Refusal };

/**
 * Verifies the `Authorization` header of one request to `resource`, the URL of the endpoint as `resources.ts` makes it.
 * @throws InfrastructureError when the signing keys cannot be fetched: that is no verdict on the token.
 */
export type TokenVerifier = (authorization: string | null, resource: string) => Promise<Verdict>;

/** Creates a verifier that applies `tokenRules` in order. It fetches Entra's keys for the configured tenants only. */
export function createTokenVerifier(
  settings: TokenSettings,
  deps: { readonly outbound: KeyClient; readonly clock: Clock },
): TokenVerifier {
  const keysOf = new Map(
    [...settings.tenants].map((tenant) => [
      tenant,
      remoteSigningKeys(settings.authority, tenant, deps.outbound),
    ]),
  );
  return async (authorization, resource) => {
    if (authorization === null) return { refusal: 'missing' };
    if (holdsSeveral(authorization)) return { refusal: 'repeated' };
    const text = bearerToken(authorization);
    if (text === undefined) return { refusal: 'malformed' };
    const reading = { settings, resource, now: deps.clock.now() };
    const facts = readToken(text, reading, (header, token, tenant) => {
      let found: Promise<SigningKey | undefined> | undefined;
      const find = () => (found ??= keysOf.get(tenant)?.(header) ?? Promise.resolve(undefined));
      return {
        key: async () => (await find())?.published,
        isSigned: async () => {
          const key = await find();
          return key && isSignedBy(token, key.crypto, 'RS256');
        },
      };
    });
    for (const { refusal, passed } of tokenRules) if ((await passed(facts)) !== true) return { refusal };
    const actor = actorOfClaims(facts.kind, facts.claims);
    return facts.kind === 'gateway' ? { actor, resource } : { actor };
  };
}
