import type { Config } from '../../platform/config/config.ts';
import { REQUIRED_SCOPE } from '../tokens/refusals.ts';
import { assertionAlgorithms } from './signedAssertion.ts';

/** The grant type of an identity assertion (RFC 7523, section 2.1; ID-JAG). */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag';
/** The scopes that a client may ask for. */
export const supportedScopes = [REQUIRED_SCOPE, 'offline_access'];
/** How clients prove who they are, at the token endpoint and at the revocation endpoint. */
const authMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];

/**
 * Returns the metadata of the gateway's authorization server (RFC 8414, section 2). It is the same at each of its URLs. Clients read
 * it for the methods that they need: without `none`, a client with a metadata document registers itself instead; without
 * `offline_access`, a client asks for no refresh token.
 */
export function serverMetadata({
  publicOrigin: issuer,
  grantIssuers,
}: Pick<Config, 'publicOrigin' | 'grantIssuers'>): Readonly<Record<string, unknown>> {
  const takesAssertions = Object.keys(grantIssuers).length > 0;
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    registration_endpoint: `${issuer}/oauth/register`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    jwks_uri: `${issuer}/oauth/jwks`,
    scopes_supported: supportedScopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      ...(takesAssertions ? [JWT_BEARER_GRANT] : []),
    ],
    ...(takesAssertions && { authorization_grant_profiles_supported: [ID_JAG_PROFILE] }),
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  };
}

/**
 * Returns the same for clients that look for an OpenID provider. The gateway issues no ID tokens, but parsers of such documents want
 * to read how they would be signed (OpenID Connect Discovery 1.0, section 3).
 */
export const openIdMetadata = (
  config: Pick<Config, 'publicOrigin' | 'grantIssuers'>,
): Readonly<Record<string, unknown>> => ({
  ...serverMetadata(config),
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
});
