import { isTenant } from './authorize.ts';
import { issuerOf } from './claims.ts';
import type { SigningKey } from './signingKey.ts';

/** The paths of an authority, after its tenant. */
export const paths = {
  discovery: 'v2.0/.well-known/openid-configuration',
  keys: 'discovery/v2.0/keys',
  authorize: 'oauth2/v2.0/authorize',
  login: 'login',
  token: 'oauth2/v2.0/token',
  logout: 'oauth2/v2.0/logout',
} as const;

/** Returns the discovery document. Like Entra's, it has no `code_challenge_methods_supported`. */
export function discovery(origin: string, authority: string): object {
  const at = (path: string) => `${origin}/${authority}/${path}`;
  return {
    issuer: issuerOf(origin, isTenant(authority) ? authority : '{tenantid}'),
    authorization_endpoint: at(paths.authorize),
    token_endpoint: at(paths.token),
    end_session_endpoint: at(paths.logout),
    jwks_uri: at(paths.keys),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    subject_types_supported: ['pairwise'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
  };
}

/** Like Entra's keys, these have the template of their issuer and no `alg`. */
export const keySet = (origin: string, { publicJwk }: SigningKey): object => ({
  keys: [{ ...publicJwk, issuer: issuerOf(origin, '{tenantid}') }],
});
