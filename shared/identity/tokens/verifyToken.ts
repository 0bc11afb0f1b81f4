import type { Clock } from '../../platform/base/clock.ts';
import type { Limited } from '../../platform/http/tokenBuckets.ts';
import type { Actor } from '../access/actor.ts';
import { bearerToken, holdsSeveral } from './bearerToken.ts';
import type { Refusal } from './refusals.ts';
import { isSignedBy, type KeyClient, remoteSigningKeys, type SigningKey } from './signingKeys.ts';
import { actorOfClaims, readToken, tokenRules, type TokenSettings } from './tokenRules.ts';

/** `limited`: with the refusal `too_many`. */
export type Verdict = { readonly actor: Actor } | { readonly refusal: Refusal; readonly limited?: Limited };

/** Asks whether the sender of a token may have its signature checked now. */
export type TakeCheck = () => Limited | undefined;

/**
 * Verifies the `Authorization` header of one request.
 * `takeCheck` is asked before a check of a signature, and not about a token whose verdict is cached.
 * @throws InfrastructureError when the signing keys cannot be fetched: that is no verdict on the token.
 */
export type TokenVerifier = (authorization: string | null, takeCheck?: TakeCheck) => Promise<Verdict>;

/** Creates a verifier that applies `tokenRules` in order. It fetches keys for the configured tenants only. */
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
  return async (authorization) => {
    if (authorization === null) return { refusal: 'missing' };
    if (holdsSeveral(authorization)) return { refusal: 'repeated' };
    const text = bearerToken(authorization);
    if (text === undefined) return { refusal: 'malformed' };
    const facts = readToken(text, settings, deps.clock.now(), (header, token, tenant) => {
      let found: Promise<SigningKey | undefined> | undefined;
      const find = () => (found ??= keysOf.get(tenant)?.(header) ?? Promise.resolve(undefined));
      return {
        key: async () => (await find())?.published,
        isSigned: async () => {
          const key = await find();
          return key && isSignedBy(token, key.crypto);
        },
      };
    });
    for (const { refusal, passed } of tokenRules) if ((await passed(facts)) !== true) return { refusal };
    return { actor: actorOfClaims(facts.claims) };
  };
}
