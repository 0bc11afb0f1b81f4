import type { OAuthClient } from './client.ts';
import type { VerifyAssertion } from './signedAssertion.ts';

/** The type of an assertion with which a client proves who it is (RFC 7523, section 2.2). */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Returns whether a client signed an assertion for this gateway. */
export type IsClientAssertion = (assertion: string, client: OAuthClient) => Promise<boolean>;

/** `issuer` is that of the gateway. Older clients name its token endpoint instead (RFC 7523, section 3, rule 3). */
export const createClientAssertionCheck =
  (issuer: string, verify: VerifyAssertion): IsClientAssertion =>
  async (assertion, { id, keys }) =>
    keys !== undefined &&
    (
      await verify(assertion, {
        issuer: id,
        subject: id,
        audience: [issuer, `${issuer}/oauth/token`],
        requiredClaims: [],
        keys,
      })
    ).ok;
