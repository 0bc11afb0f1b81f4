import type * as oauth from 'oauth4webapi';
import { lazily } from '../../platform/base/lazily.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { MAX_ACCOUNT_TOKEN_LENGTH } from '../limits.ts';
import { type AccountClient, asOauthClient } from './accountClient.ts';
import type { ServerSearch, TokenServer } from './authorizationServer.ts';
import { guardedFetch, NoAnswer } from './guardedFetch.ts';
import { splitScopes } from './protectedResource.ts';

/** Tokens of an account. They are sealed before they are stored. */
export interface AccountTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** Milliseconds since the epoch. Absent: the server does not say. */
  readonly expiresAt?: number | undefined;
  /** Absent: the scopes that were asked for. */
  readonly scopes?: readonly string[] | undefined;
}

/** Whose tokens: the server that issues them, the client they are for, and the resource (RFC 8707). */
export interface TokenAsk {
  readonly server: TokenServer;
  readonly client: AccountClient;
  readonly resource?: string | undefined;
}

/**
 * The token and revocation endpoints of authorization servers. Failures: `unauthenticated` where the server refuses, so that only a
 * new sign-in helps; `unavailable` for everything else. No failure holds anything that the server sent.
 */
export interface TokenEndpoint {
  /**
   * Redeems the code in the parameters of the callback, after their `iss` (RFC 9207) and `state` were compared. Failures: also
   * `forbidden` where `iss` or `state` is wrong, and `cancelled` where the server reports an error; nothing is sent then.
   */
  redeem(
    ask: TokenAsk,
    answer: {
      readonly params: URLSearchParams;
      readonly state: string;
      readonly codeVerifier: string;
      readonly redirectUri: string;
    },
  ): Promise<Result<AccountTokens>>;
  refresh(ask: TokenAsk, refreshToken: string): Promise<Result<AccountTokens>>;
  /** Revokes a token where the server can (RFC 7009). */
  revoke(ask: TokenAsk, token: string): Promise<Result<void>>;
}

export function createTokenEndpoint({ outbound, policy }: ServerSearch, now: () => number): TokenEndpoint {
  /** The library, with the first use, and the options of its requests. */
  const load = lazily(async () => {
    const library = await import('oauth4webapi');
    const options = {
      [library.customFetch]: guardedFetch(outbound),
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the guarded client decides about plain http
      [library.allowInsecureRequests]: policy === 'private_allowed',
    };
    return { library, options };
  });
  const withResource = (resource: string | undefined) =>
    resource === undefined ? {} : { additionalParameters: { resource } };

  return {
    async redeem({ server, client, resource }, { params, state, codeVerifier, redirectUri }) {
      const { library, options } = await load();
      const as = asOauth(server);
      const { client: of, authentication } = asOauthClient(client);
      let checked: URLSearchParams;
      try {
        checked = library.validateAuthResponse(as, of, params, state);
      } catch (error) {
        return error instanceof library.AuthorizationResponseError ? cancelled : mixedUp;
      }
      return attempt(library, async () => {
        const sent = await library.authorizationCodeGrantRequest(
          ...([
            as,
            of,
            authentication,
            checked,
            redirectUri,
            codeVerifier,
            { ...options, ...withResource(resource) },
          ] as const),
        );
        return tokensOf(await library.processAuthorizationCodeResponse(as, of, sent), now());
      });
    },
    async refresh({ server, client, resource }, refreshToken) {
      const { library, options } = await load();
      const as = asOauth(server);
      const { client: of, authentication } = asOauthClient(client);
      return attempt(library, async () => {
        const sent = await library.refreshTokenGrantRequest(
          ...([as, of, authentication, refreshToken, { ...options, ...withResource(resource) }] as const),
        );
        const tokens = tokensOf(await library.processRefreshTokenResponse(as, of, sent), now());
        // A server that does not rotate them sends none (RFC 6749, section 6).
        return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken };
      });
    },
    async revoke({ server, client }, token) {
      if (server.revocation_endpoint === undefined) return succeed(undefined);
      const { library, options } = await load();
      const as = asOauth(server);
      const { client: of, authentication } = asOauthClient(client);
      return attempt(library, async () => {
        await library.processRevocationResponse(
          await library.revocationRequest(as, of, authentication, token, options),
        );
      });
    },
  };
}

export const mixedUp = fail({
  kind: 'forbidden',
  message: 'the answer is not of the authorization server that was asked',
  members: { reason: 'issuer_changed' },
});
const cancelled = fail({
  kind: 'cancelled',
  message: 'the sign-in at the server was cancelled or refused',
  members: { reason: 'declined' },
});
const refused = fail({
  kind: 'unauthenticated',
  message: 'its authorization server no longer accepts this sign-in',
});
const away = fail({
  kind: 'unavailable',
  message: 'its authorization server gives no tokens now: try again',
});

/** Error codes that say nothing against the sign-in. */
const temporary: readonly string[] = ['temporarily_unavailable', 'server_error', 'slow_down'];

async function attempt<T>(library: typeof oauth, act: () => Promise<T>): Promise<Result<T>> {
  try {
    return succeed(await act());
  } catch (error) {
    if (error instanceof library.ResponseBodyError)
      return error.status >= 500 || temporary.includes(error.error) ? away : refused;
    return error instanceof library.WWWAuthenticateChallengeError ? refused : away;
  }
}

/** What a header can hold. */
const isSendable = (token: string): boolean =>
  token.length <= MAX_ACCOUNT_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token);

/** @throws NoAnswer for tokens that cannot be used: of another type than bearer (RFC 6749, section 7.1), or not for a header */
function tokensOf(answer: oauth.TokenEndpointResponse, now: number): AccountTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds, scope } = answer;
  if (answer.token_type !== 'bearer' || !isSendable(accessToken) || !isSendable(refreshToken ?? 'none'))
    throw new NoAnswer('its tokens cannot be used');
  return {
    accessToken,
    refreshToken,
    ...(seconds !== undefined && { expiresAt: now + seconds * 1_000 }),
    ...(scope !== undefined && { scopes: splitScopes(scope) }),
  };
}

/** Returns the server as the library takes it: without keys that are undefined. */
function asOauth({
  issuer,
  token_endpoint,
  revocation_endpoint,
  authorization_response_iss_parameter_supported: sendsIss,
}: TokenServer): oauth.AuthorizationServer {
  return {
    issuer,
    token_endpoint,
    ...(revocation_endpoint !== undefined && { revocation_endpoint }),
    ...(sendsIss !== undefined && { authorization_response_iss_parameter_supported: sendsIss }),
  };
}
