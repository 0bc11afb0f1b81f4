import type { AuthenticationResult, ConfidentialClientApplication } from '@azure/msal-node';
import * as z from 'zod';
import { randomSecret } from '../../platform/base/ids.ts';
import { fail, type Failure, type Result, succeed } from '../../platform/base/result.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Actor } from '../access/actor.ts';
import { appIdUriOf, type Refusal, refusalError, scopeOf } from '../tokens/refusals.ts';
import { defaultResource } from '../tokens/resources.ts';
import type { TokenVerifier } from '../tokens/verifyToken.ts';
import { createMsalClient, type MsalDeps } from './msalClient.ts';

/** What a sign-in at Entra needs when the browser comes back. It is stored on the server. */
export interface EntraPending {
  /** The authority: a tenant, or `organizations`. */
  readonly tenant: string;
  readonly codeVerifier: string;
  readonly nonce: string;
}

/** What Entra gives for a person: tokens that stay on the server, and who the person is by the access token. */
export interface EntraTokens {
  /** An access token for this gateway. It keeps every rule of `tokenRules`. */
  readonly accessToken: string;
  readonly refreshToken: string;
  /** `clientId` is that of the gateway's own registration. */
  readonly actor: Actor;
}

/**
 * The confidential client with which the gateway signs people in at Entra: authorization code with PKCE, the full scope of this
 * gateway, no `resource` and no forced consent. Failures: `unauthenticated` where Entra refuses, such as a code that was used, a
 * person whose sign-in was revoked or whose account is disabled; `forbidden` for a person without a role or of a tenant that may
 * not sign in; `unavailable`, also where Entra refuses the gateway itself. Their messages hold nothing of Entra's answer but the number
 * of its error.
 * Sources: "Microsoft identity platform and OAuth 2.0 authorization code flow", RFC 6749, RFC 7636.
 */
export interface EntraSignIn {
  /** Returns where a browser signs in. `state` comes back with it to `{publicOrigin}/oauth/callback`. */
  begin(ask: {
    readonly state: string;
    /** The tenant that the client named; otherwise every tenant of the settings may sign in. */
    readonly tenant?: string;
  }): Promise<{ readonly url: string; readonly pending: EntraPending }>;
  redeem(code: string, pending: EntraPending): Promise<Result<EntraTokens>>;
  refresh(tenantId: string, refreshToken: string): Promise<Result<EntraTokens>>;
}

/** Returns the one redirect URI with which the gateway is registered at Entra. */
export const signInRedirectUri = ({ publicOrigin }: Pick<Config, 'publicOrigin'>): string =>
  `${publicOrigin}/oauth/callback`;

/** The authority at which the accounts of all tenants sign in. */
const ORGANIZATIONS = 'organizations';

export function createEntraSignIn(
  config: Pick<Config, 'apiClientId' | 'publicOrigin' | 'signInClientSecret' | 'tenants'> & {
    readonly signInClientId: string;
  },
  deps: MsalDeps & {
    /** Verifies Entra's access tokens for this gateway. MSAL verifies no signature. */
    readonly verifyToken: TokenVerifier;
  },
): EntraSignIn {
  const redirectUri = signInRedirectUri(config);
  const [onlyTenant = ORGANIZATIONS, ...furtherTenants] = config.tenants;
  // MSAL adds openid, profile and offline_access.
  const scopes = [scopeOf(appIdUriOf(config.apiClientId))];
  const clientFor = (tenant: string) =>
    createMsalClient(
      { clientId: config.signInClientId, clientSecret: config.signInClientSecret },
      tenant,
      deps,
    );

  /** Asks the token endpoint, and reads the person from the access token, because MSAL verifies no ID token. */
  async function acquire(
    tenant: string,
    ask: (client: ConfidentialClientApplication) => Promise<AuthenticationResult | null>,
    lastRefreshToken?: string,
  ): Promise<Result<EntraTokens>> {
    const { AuthError, InteractionRequiredAuthError, ServerError } = await import('@azure/msal-node');
    const client = await clientFor(tenant);
    let answer: AuthenticationResult | null;
    try {
      answer = await ask(client);
    } catch (error) {
      if (error instanceof InteractionRequiredAuthError) return refused;
      if (!(error instanceof AuthError)) return away;
      if (errorsOfPerson.has(error.errorCode)) return refused;
      return error instanceof ServerError && !passingErrors.has(error.errorCode)
        ? gatewayRefused(error)
        : away;
    }
    const refreshToken = refreshTokenIn(client) ?? lastRefreshToken;
    if (!answer?.accessToken || refreshToken === undefined) return away;
    const { accessToken } = answer;
    const verdict = await deps.verifyToken(`Bearer ${accessToken}`, defaultResource(config));
    if ('refusal' in verdict) return refusedToken(verdict.refusal);
    const { actor } = verdict;
    if (tenant !== ORGANIZATIONS && actor.tenantId !== tenant) return refused;
    return succeed({ accessToken, refreshToken, actor });
  }

  return {
    begin: async ({ state, tenant = furtherTenants.length === 0 ? onlyTenant : ORGANIZATIONS }) => {
      const { CryptoProvider } = await import('@azure/msal-node');
      const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
      const pending: EntraPending = { tenant, codeVerifier: verifier, nonce: randomSecret() };
      const client = await clientFor(tenant);
      const url = await client.getAuthCodeUrl({
        scopes,
        redirectUri,
        state,
        nonce: pending.nonce,
        codeChallenge: challenge,
        codeChallengeMethod: 'S256',
      });
      return { url, pending };
    },
    redeem: (code, { tenant, codeVerifier, nonce }) =>
      acquire(tenant, (client) =>
        client.acquireTokenByCode({ code, codeVerifier, nonce, redirectUri, scopes }),
      ),
    refresh: (tenantId, refreshToken) =>
      acquire(
        tenantId,
        // Without forceCache, MSAL drops the new refresh token.
        (client) => client.acquireTokenByRefreshToken({ refreshToken, scopes, forceCache: true }),
        refreshToken,
      ),
  };
}

/** Errors that concern the person or the code. Every other error concerns the gateway, and a grant must not end with it. */
const errorsOfPerson: ReadonlySet<string> = new Set(['invalid_grant', 'access_denied', 'nonce_mismatch']);
const passingErrors: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error']);

const refused = fail({
  kind: 'unauthenticated',
  message: 'Entra does not confirm this sign-in: sign in again',
});
const away = fail({ kind: 'unavailable', message: 'Entra could not be asked: try again in a moment' });

/** The number of the error tells an operator what to correct, such as a secret that has expired. */
function gatewayRefused({ errorNo }: { readonly errorNo?: unknown }): Failure {
  const number = /^\d+$/.test(String(errorNo)) ? ` (AADSTS${String(errorNo)})` : '';
  return fail({
    kind: 'unavailable',
    message: `Entra refuses the gateway${number}: an operator must check the registration of MREG_SIGN_IN_CLIENT_ID`,
  });
}

/** The token came from Entra itself: only its tenant, its roles and its scope say something about the person. */
function refusedToken(refusal: Refusal): Failure {
  if (refusal === 'unknown_tenant')
    return fail({ kind: 'forbidden', message: 'People of your tenant may not sign in at this gateway.' });
  const error = refusalError(refusal);
  if (error.kind === 'forbidden') return fail(error);
  return fail({
    kind: 'unavailable',
    message: `Entra issued a token that is not valid here (${refusal}): an operator must check the registration of MREG_API_CLIENT_ID`,
  });
}

const cacheSchema = z.object({ RefreshToken: z.record(z.string(), z.object({ secret: z.string() })) });

/** MSAL has no other way to read a refresh token. The cache of a client that made one request holds one at most. */
function refreshTokenIn(client: ConfidentialClientApplication): string | undefined {
  const cache = cacheSchema.parse(JSON.parse(client.getTokenCache().serialize()));
  return Object.values(cache.RefreshToken)[0]?.secret;
}
