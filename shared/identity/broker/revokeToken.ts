import { compactVerify, createLocalJWKSet, errors, type JWK } from 'jose';
import { parseJsonBytes } from '../../platform/base/json.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { MAX_TOKEN_LENGTH } from '../limits.ts';
import type { OAuthClient } from './client.ts';
import { oauthFailure } from './oauthError.ts';
import { originIn, type TokenOrigin } from './tokenOrigin.ts';

export interface RevokeTokenDeps {
  readonly issuer: string;
  /** The keys of access tokens of the gateway's own. */
  readonly publicKeys: readonly JWK[];
  readonly openRefreshToken: (token: string) => TokenOrigin | undefined;
  readonly endGrant: (origin: TokenOrigin) => Promise<unknown>;
}

/**
 * Ends the grant of a refresh token or of an access token (RFC 7009, section 2.1): its refresh tokens are no longer valid, and its
 * access tokens expire within ten minutes. Returns the grant, or `undefined` for a token that is not valid, which needs no end
 * (section 2.2). Failure: `invalid_request` for a token of another client.
 */
export async function revokeToken(
  token: string,
  client: Pick<OAuthClient, 'id'>,
  deps: RevokeTokenDeps,
): Promise<Result<TokenOrigin | undefined>> {
  const origin = deps.openRefreshToken(token) ?? (await originOfAccessToken(token, deps));
  if (!origin) return succeed(undefined);
  if (origin.clientId !== client.id)
    return oauthFailure('invalid_request', 'the token was not issued to this client');
  await deps.endGrant(origin);
  return succeed(origin);
}

/** An expired access token still names its grant, which may live on. */
async function originOfAccessToken(
  token: string,
  { issuer, publicKeys }: RevokeTokenDeps,
): Promise<TokenOrigin | undefined> {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  try {
    const keys = createLocalJWKSet({ keys: [...publicKeys] });
    const { payload, protectedHeader } = await compactVerify(token, keys, { algorithms: ['ES256'] });
    return protectedHeader.typ === 'at+jwt' ? originIn(parseJsonBytes(payload), issuer) : undefined;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}
