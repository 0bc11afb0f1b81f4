import * as z from 'zod';
import { type Result, succeed } from '../../platform/base/result.ts';
import { REQUIRED_SCOPE } from '../tokens/refusals.ts';
import type { Fields } from './authenticateClient.ts';
import type { OAuthClient, OAuthClients } from './client.ts';
import { redirectUriOf } from './redirectUris.ts';
import { type EndpointSettings, requestedResource } from './requestedResource.ts';
import { because, refused } from './signInRefusal.ts';

/** A request for tokens that a client made of a person (OAuth 2.1, section 4.1.1). Its client and its redirect URI are verified. */
export const authorizationRequestSchema = z.object({
  clientId: z.string(),
  clientName: z.string(),
  redirectUri: z.string(),
  /** The endpoint that the tokens are for (RFC 8707), and the tenant that its URL names. */
  resource: z.string(),
  tenant: z.string().optional(),
  scopes: z.array(z.string()).readonly(),
  /** PKCE, S256 (RFC 7636). */
  codeChallenge: z.string(),
  state: z.string().optional(),
});
export type AuthorizationRequest = Readonly<z.infer<typeof authorizationRequestSchema>>;

/** A client that a browser may be sent back to. */
export interface VerifiedClient {
  readonly client: OAuthClient;
  readonly redirectUri: string;
}

/**
 * Returns the client of a request and where its answer goes. Nobody is redirected before that. Failures: `invalid_request`,
 * `temporarily_unavailable`.
 */
export async function verifyClient(
  fields: Fields,
  clients: OAuthClients,
  address?: string,
): Promise<Result<VerifiedClient>> {
  const { client_id: id, redirect_uri: asked } = fields;
  if (id === undefined) return refused('invalid_request', 'request_malformed', 'client_id is required');
  const found = await clients.find(id, address);
  if (!found.ok) return because('client_refused', found.error);
  const redirectUri = redirectUriOf(found.value, asked);
  if (!redirectUri.ok) return because('redirect_uri_refused', redirectUri.error);
  return succeed({ client: found.value, redirectUri: redirectUri.value });
}

/** SHA-256 in base64url. */
const CHALLENGE = /^[\w-]{43}$/;
const MAX_STATE_LENGTH = 4_000;

/** Returns the request of a verified client. Its failures go to the redirect URI (RFC 6749, section 4.1.2.1). */
export function readAuthorizationRequest(
  fields: Fields,
  { client, redirectUri }: VerifiedClient,
  config: EndpointSettings,
): Result<AuthorizationRequest> {
  const { response_type: type, response_mode: mode, scope = '', resource: asked, state } = fields;
  const { code_challenge: codeChallenge, code_challenge_method: method } = fields;
  if (type === undefined) return malformed('response_type is required');
  if (type !== 'code')
    return refused('unsupported_response_type', 'request_malformed', 'response_type must be code');
  if (mode !== undefined && mode !== 'query') return malformed('response_mode must be query');
  if (codeChallenge === undefined) return malformed('code_challenge is required (PKCE)');
  if (method !== 'S256') return malformed('code_challenge_method must be S256');
  if (!CHALLENGE.test(codeChallenge)) return malformed('code_challenge must be SHA-256 in base64url');
  if (state !== undefined && state.length > MAX_STATE_LENGTH)
    return malformed(`state must have at most ${MAX_STATE_LENGTH} characters`);
  const resource = requestedResource(asked, config);
  if (!resource.ok) return resource;
  const { url, tenant } = resource.value;
  return succeed({
    clientId: client.id,
    clientName: client.name,
    redirectUri,
    resource: url,
    ...(tenant !== undefined && { tenant }),
    scopes: grantedScopes(scope, url),
    codeChallenge,
    ...(state !== undefined && { state }),
  });
}

const malformed = (message: string) => refused('invalid_request', 'request_malformed', message);

/** The scope with which a client says that it stays signed in. Every grant has a refresh token, with it or without. */
const OFFLINE_SCOPE = 'offline_access';

/** Returns the scopes that a request is granted. Scopes that the gateway does not have are ignored (RFC 6749, section 3.3). */
function grantedScopes(asked: string, resource: string): readonly string[] {
  const names = asked
    .split(' ')
    .map((scope) => (scope === `${resource}/${REQUIRED_SCOPE}` ? REQUIRED_SCOPE : scope));
  return names.includes(OFFLINE_SCOPE) ? [REQUIRED_SCOPE, OFFLINE_SCOPE] : [REQUIRED_SCOPE];
}

/**
 * Returns the redirect URI with the answer of the authorization endpoint. It names the issuer, so that a client can tell the
 * answers of two authorization servers apart (RFC 9207).
 */
export function answerUri(
  redirectUri: string,
  issuer: string,
  answer: { readonly state?: string | undefined } & (
    { readonly code: string } | { readonly error: string; readonly error_description: string }
  ),
): string {
  const { state, ...others } = answer;
  const fields = new URLSearchParams({ ...others, ...(state !== undefined && { state }), iss: issuer });
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${fields.toString()}`;
}
