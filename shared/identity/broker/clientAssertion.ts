import { InfrastructureError } from '../../platform/base/errors.ts';
import type { OAuthClient } from './client.ts';
import type { VerifyAssertion } from './signedAssertion.ts';

/** The type of an assertion with which a client proves who it is (RFC 7523, section 2.2). */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Returns whether a client signed an assertion for this gateway; `unknown` while the keys of the client cannot be fetched. Strangers
 * name their keys, so that is no fault of the gateway.
 */
export type IsClientAssertion = (assertion: string, client: OAuthClient) => Promise<boolean | 'unknown'>;

/** `issuer` is that of the gateway. Older clients name its token endpoint instead (RFC 7523, section 3, rule 3). */
export const createClientAssertionCheck =
  (issuer: string, verify: VerifyAssertion): IsClientAssertion =>
  async (assertion, { id, keys }) => {
    if (keys === undefined) return false;
    const audience = [issuer, `${issuer}/oauth/token`];
    const rules = { issuer: id, subject: id, audience, requiredClaims: [], keys };
    try {
      return (await verify(assertion, rules)).ok;
    } catch (error) {
      if (error instanceof InfrastructureError && error.part === 'identity_provider') return 'unknown';
      throw error;
    }
  };
