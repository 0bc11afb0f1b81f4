import {
  createLocalJWKSet,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';
import { LRUCache } from 'lru-cache';
import { type Clock, CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { derivedId } from '../../platform/base/ids.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { MAX_ASSERTION_MS, MAX_TOKEN_LENGTH } from '../limits.ts';
import { type KeyClient, remoteKeySet } from '../tokens/signingKeys.ts';
import type { ClientKeys } from './client.ts';

/** Only keys of which the verifier holds the public half: no assertion is made with a shared secret (RFC 8725, section 3.1). */
export const assertionAlgorithms: readonly string[] = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'];
const KEY_SETS = 100;

export interface AssertionRules extends Pick<JWTVerifyOptions, 'typ' | 'subject'> {
  readonly issuer: string;
  /** The audiences of which it has one, and no other. */
  readonly audience: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly keys: ClientKeys;
}

/**
 * Verifies a signed assertion (RFC 7523, section 3): signature, issuer, audience, time, and that it has not come before. Failure:
 * `invalid`, whose message names the claim that is wrong and quotes nothing of the assertion.
 * @throws InfrastructureError when the keys cannot be fetched, or when it is not known whether the assertion has come before
 */
export type VerifyAssertion = (assertion: string, rules: AssertionRules) => Promise<Result<JWTPayload>>;

export function createAssertionVerifier(deps: {
  readonly outbound: KeyClient;
  readonly state: StateStore;
  readonly clock: Clock;
}): VerifyAssertion {
  const { outbound, state, clock } = deps;
  const remote = new LRUCache<string, JWTVerifyGetKey>({ max: KEY_SETS });
  function keysOf(keys: ClientKeys): JWTVerifyGetKey {
    if ('jwks' in keys) return createLocalJWKSet(keys.jwks);
    const known = remote.get(keys.jwksUri) ?? remoteKeySet(keys.jwksUri, outbound);
    remote.set(keys.jwksUri, known);
    return known;
  }

  /** An assertion is good for one request, so that nobody who sees it can use it again (RFC 7523, section 3, rule 7). */
  async function isFirst({ iss, jti, exp = 0 }: JWTPayload, now: number): Promise<boolean> {
    const ttlMs = Math.ceil(exp * 1_000 - now) + 2 * CLOCK_TOLERANCE_MS;
    const key = `mreg:assertion:${derivedId([iss, jti])}`;
    return (await state.compareAndSet(key, undefined, '1', ttlMs)) === 'stored';
  }

  return async (assertion, { keys, audience, requiredClaims, ...rules }) => {
    if (assertion.length > MAX_TOKEN_LENGTH) return refused('is too long');
    const now = clock.now();
    try {
      const { payload } = await jwtVerify(assertion, keysOf(keys), {
        ...rules,
        algorithms: [...assertionAlgorithms],
        audience: [...audience],
        requiredClaims: ['exp', 'jti', ...requiredClaims],
        clockTolerance: CLOCK_TOLERANCE_MS / 1_000,
        currentDate: now,
      });
      const { aud, exp = 0, iat, jti } = payload;
      if (typeof aud !== 'string') return refused('must be for one audience');
      if (typeof jti !== 'string' || jti === '' || jti.length > 500) return refused('has a wrong claim jti');
      if (iat !== undefined && iat * 1_000 > now.getTime() + CLOCK_TOLERANCE_MS)
        return refused('is from the future');
      if (exp * 1_000 > now.getTime() + MAX_ASSERTION_MS) return refused('must expire within an hour');
      if (!(await isFirst(payload, now.getTime()))) return refused('has been used before');
      return succeed(payload);
    } catch (error) {
      return refused(faultOf(error));
    }
  };
}

const refused = (what: string): Result<never> => fail({ kind: 'invalid', message: `the assertion ${what}` });

/** Returns what is wrong with the assertion. @throws InfrastructureError for a fault that says nothing about it */
function faultOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `lacks the claim ${error.claim}, or has a wrong one`;
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed
  )
    return 'is not signed by a key of its issuer, or not with an algorithm that is accepted';
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return 'is not a signed JWT';
  throw error instanceof InfrastructureError
    ? error
    : new InfrastructureError('identity_provider', 'verify assertion', error);
}
