import type { Clock } from '../../platform/base/clock.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { Seal } from '../../platform/security/seal.ts';
import { ACCESS_TOKEN_MS } from '../limits.ts';
import type { AccessTokenRequest, AccessTokenSigner } from '../tokens/accessTokenSigner.ts';
import type { AuthenticateClient, Fields } from './authenticateClient.ts';
import type { OAuthClient } from './client.ts';
import type { Codes } from './codes.ts';
import type { Grant } from './grant.ts';
import type { Grants } from './grants.ts';
import { closeRefreshToken } from './refreshTokens.ts';
import { type EndpointSettings, requestedResource } from './requestedResource.ts';
import { because, refused } from './signInRefusal.ts';

/** The answer of the token endpoint (RFC 6749, section 5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly refresh_token?: string;
  readonly scope: string;
}

/** Whom a token is for, and for which endpoint. */
export interface TokenSubject {
  readonly actor: AccessTokenRequest['actor'];
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly refreshToken?: string;
}

export type TokenGrant = (form: Fields, client: OAuthClient) => Promise<Result<TokenSubject>>;

export interface TokenEndpointDeps {
  readonly config: EndpointSettings;
  readonly authenticateClient: AuthenticateClient;
  readonly grants: Grants;
  readonly codes: Codes;
  readonly signer: AccessTokenSigner;
  readonly seal: Seal;
  readonly clock: Clock;
  /** Grant types beside those of this file, by their names. */
  readonly furtherGrants: Readonly<Record<string, TokenGrant>>;
}

export interface TokenIssue {
  readonly answer: TokenAnswer;
  readonly actor: TokenSubject['actor'];
}

/** PKCE verifiers (RFC 7636, section 4.1). */
const VERIFIER = /^[\w.~-]{43,128}$/;

/** Creates the token endpoint: authenticates the client, then asks the grant type (RFC 6749, section 3.2). */
export function createTokenEndpoint(
  deps: TokenEndpointDeps,
): (...request: Parameters<AuthenticateClient>) => Promise<Result<TokenIssue>> {
  const { config, grants, codes, seal, clock } = deps;

  const subjectOf = (grant: Grant): TokenSubject => ({
    actor: actorOf(grant),
    resource: grant.resource,
    scopes: grant.scopes,
    refreshToken: closeRefreshToken(seal, grant),
  });

  const grantTypes: Readonly<Record<string, TokenGrant>> = {
    async authorization_code(form, client) {
      const { code, code_verifier: codeVerifier, redirect_uri: redirectUri } = form;
      if (code === undefined || codeVerifier === undefined)
        return malformed('code and code_verifier are required');
      if (!VERIFIER.test(codeVerifier))
        return malformed('code_verifier must have 43 to 128 characters of RFC 7636');
      const resource = resourceIn(form, config);
      if (!resource.ok) return resource;
      const use = { code, codeVerifier, redirectUri, clientId: client.id, resource: resource.value };
      const redeemed = await codes.redeem(use);
      if (!redeemed.ok) return redeemed;
      const active = await grants.activate(redeemed.value);
      return active.ok ? succeed(subjectOf(active.value)) : active;
    },

    async refresh_token(form, client) {
      const token = form['refresh_token'];
      if (token === undefined) return malformed('refresh_token is required');
      const resource = resourceIn(form, config);
      if (!resource.ok) return resource;
      const refreshed = await grants.refresh(token, client.id, resource.value);
      return refreshed.ok ? succeed(subjectOf(refreshed.value)) : refreshed;
    },

    ...deps.furtherGrants,
  };

  return async (form, ...from) => {
    const client = await deps.authenticateClient(form, ...from);
    if (!client.ok) return because('client_refused', client.error);
    const type = form['grant_type'];
    if (type === undefined) return malformed('grant_type is required');
    const grantType = Object.hasOwn(grantTypes, type) ? grantTypes[type] : undefined;
    if (!grantType)
      return refused(
        'unsupported_grant_type',
        'request_malformed',
        `grant_type must be one of ${Object.keys(grantTypes).join(', ')}`,
      );
    const subject = await grantType(form, client.value);
    if (!subject.ok) return subject;
    const { actor, resource, scopes, refreshToken } = subject.value;
    const expiresAt = clock.now().getTime() + ACCESS_TOKEN_MS;
    return succeed({
      actor,
      answer: {
        access_token: await deps.signer.sign({ actor, audience: resource, expiresAt }),
        token_type: 'Bearer',
        expires_in: ACCESS_TOKEN_MS / 1_000,
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
        scope: scopes.join(' '),
      },
    });
  };
}

const actorOf = ({ id, tenantId, userId, userName, roles, clientId }: Grant): TokenSubject['actor'] => ({
  tenantId,
  userId,
  ...(userName !== undefined && { name: userName }),
  clientId,
  roles,
  grantId: id,
});

/** Returns the URL of the endpoint that the form names, if it names one. */
function resourceIn({ resource }: Fields, config: EndpointSettings): Result<string | undefined> {
  if (resource === undefined) return succeed(undefined);
  const named = requestedResource(resource, config);
  return named.ok ? succeed(named.value.url) : named;
}

const malformed = (message: string) => refused('invalid_request', 'request_malformed', message);
