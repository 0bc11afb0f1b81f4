import {
  compactVerify,
  createLocalJWKSet,
  createRemoteJWKSet,
  type CryptoKey,
  customFetch,
  errors,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import { InfrastructureError } from '../../platform/base/errors.ts';
import type { Result } from '../../platform/base/result.ts';
import type { OutboundBody } from '../../platform/outbound/outboundBody.ts';
import type { OutboundRequest } from '../../platform/outbound/outboundClient.ts';
import { KEYS_COOLDOWN_MS, KEYS_MAX_AGE_MS, MAX_KEYS_BYTES } from '../limits.ts';

/** The algorithm of Entra's tokens, and that of the gateway's own. No other is accepted (RFC 8725, section 3.1). */
export type TokenAlgorithm = 'RS256' | 'ES256';

/** Returns the issuer of a tenant's tokens. */
export const issuerOf = (authority: string, tenant: string): string => `${authority}/${tenant}/v2.0`;

/** Returns the URL of the keys that a tenant's tokens are signed with. */
export const keysUrl = (authority: string, tenant: string): string =>
  `${authority}/${tenant}/discovery/v2.0/keys`;

/** A key of a key set. `issuer` is the template of the issuers whose tokens it signs. */
export type PublishedKey = JWK & { readonly issuer?: unknown };

/** Returns whether a key signs tokens of this issuer: Entra's keys name it, with `{tenantid}` in keys of all tenants. */
export function keyIsOfIssuer(key: object | undefined, tenant: string, issuer: string): boolean {
  const template = key !== undefined && 'issuer' in key ? key.issuer : undefined;
  return typeof template === 'string' && template.replace('{tenantid}', tenant) === issuer;
}

/**
 * Returns whether the token carries a valid signature of this algorithm by this key.
 * @throws InfrastructureError for a key that no signature can be checked with, such as one of less than 2048 bits.
 */
export async function isSignedBy(
  token: string,
  key: CryptoKey | JWK,
  algorithm: TokenAlgorithm,
): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw unavailable('verify token', error);
  }
}

/** The client that fetches signing keys: an `OutboundClient`, of which nothing else is used. */
export interface KeyClient {
  request(
    request: OutboundRequest,
  ): Promise<Result<{ readonly statusCode: number; readonly body: Pick<OutboundBody, 'bytes'> }>>;
}

/** A signing key, as published and as the crypto library uses it. */
export interface SigningKey {
  readonly published: PublishedKey;
  readonly crypto: CryptoKey;
}

/**
 * Finds the key that a token's header names among the keys of one tenant's issuer; `undefined` if the issuer has no such key.
 * While the issuer cannot be reached, the last fetched keys stay valid.
 * @throws InfrastructureError when the keys cannot be fetched and the last ones do not hold the key.
 */
export type FindSigningKey = (header: JWSHeaderParameters) => Promise<SigningKey | undefined>;

/** Returns the keys at a URL. They are fetched on first use, once a day, and for an unknown key id. */
export const remoteKeySet = (url: string, outbound: KeyClient): ReturnType<typeof createRemoteJWKSet> =>
  createRemoteJWKSet(new URL(url), {
    cacheMaxAge: KEYS_MAX_AGE_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    [customFetch]: async (url, { signal }) => {
      const headers = { accept: 'application/json' };
      const response = await outbound.request({ method: 'GET', url, headers, signal });
      if (!response.ok) throw unavailable('fetch signing keys', new Error(response.error.message));
      const { statusCode, body } = response.value;
      return new Response(await body.bytes(MAX_KEYS_BYTES), { status: statusCode });
    },
  });

export function remoteSigningKeys(authority: string, tenant: string, outbound: KeyClient): FindSigningKey {
  const keySet = remoteKeySet(keysUrl(authority, tenant), outbound);
  const cryptoKeyOf = async (header: JWSHeaderParameters): Promise<CryptoKey> => {
    try {
      return await keySet(header);
    } catch (error) {
      const last = keySet.jwks();
      if (last === undefined || isNoMatch(error)) throw error;
      return createLocalJWKSet(last)(header).catch(() => Promise.reject(error as Error));
    }
  };
  return async (header) => {
    try {
      const crypto = await cryptoKeyOf(header);
      const published = keySet.jwks()?.keys.find(({ kid }) => kid === header.kid);
      return published && { published, crypto };
    } catch (error) {
      if (isNoMatch(error)) return undefined;
      throw error instanceof InfrastructureError ? error : unavailable('verify token', error);
    }
  };
}

const isNoMatch = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;

const unavailable = (operation: string, cause: unknown): InfrastructureError =>
  new InfrastructureError('identity_provider', operation, cause);
