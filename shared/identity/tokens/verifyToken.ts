import {
  type JWTPayload,
  type JWTVerifyGetKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import { InfrastructureError } from '../../platform/base/errors.ts';
import type { OutboundRequest } from '../../platform/outbound/outboundClient.ts';
import type { OutboundBody } from '../../platform/outbound/outboundBody.ts';
import type { Result } from '../../platform/base/result.ts';
import { CLOCK_TOLERANCE_MS, type Clock } from '../../platform/base/clock.ts';
import { bearerToken, holdsSeveral } from './bearerToken.ts';
import { type Principal, type Role, roles } from '../access/actor.ts';

/** Delegated scope that a user's token must carry, beside a role. */
export const REQUIRED_SCOPE = 'mcp.access';

/** Why a token is refused. For the log; callers get the coarser words of `challenge.ts`. */
export type Refusal =
  | 'missing'
  /** Sent more than once. */
  | 'repeated'
  | 'malformed'
  | 'unknown_tenant'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_audience'
  | 'wrong_claims'
  | 'no_scope'
  | 'no_role';

export type Verdict = { readonly principal: Principal } | { readonly refusal: Refusal };

/**
 * Judges the `Authorization` header of one request.
 * @throws InfrastructureError when the signing keys cannot be had: that is no verdict on the token.
 */
export type TokenVerifier = (authorization: string | null) => Promise<Verdict>;

export interface TokenRules {
  /** Origin of the issuer: Entra's, or the local one. */
  readonly authority: string;
  /** The only audience, a client id: Entra's v2 tokens name no URL. */
  readonly audience: string;
  readonly tenants: ReadonlySet<string>;
}

/** What signing keys are fetched with: an `OutboundClient`, of which nothing else is used. */
export interface KeySource {
  request(
    request: OutboundRequest,
  ): Promise<Result<{ readonly statusCode: number; readonly body: Pick<OutboundBody, 'bytes'> }>>;
}

/** Many times the size of Entra's keys. A longer answer counts as no keys. */
const MAX_KEYS_BYTES = 256 * 1024;
export const CLOCK_TOLERANCE_SECONDS = CLOCK_TOLERANCE_MS / 1_000;

/** The claims that the checks below read, once the signature holds. */
export const claimsSchema = z.object({
  aud: z.string(),
  iss: z.string(),
  tid: z.guid(),
  oid: z.guid(),
  ver: z.literal('2.0'),
  exp: z.number(),
  azp: z.string().optional(),
  idtyp: z.string().optional(),
  scp: z.string().optional(),
  roles: z.array(z.string()).default([]),
});

/**
 * Verifies Entra v2 access tokens, of users (scope and role) and of apps (role). Keys are fetched only for tenants that are
 * configured, so that strangers cannot make us fetch. Source: "Access tokens in the Microsoft identity platform", RFC 8725.
 */
export function createTokenVerifier(
  rules: TokenRules,
  deps: { outbound: KeySource; clock: Clock },
): TokenVerifier {
  const keySets = new Map(
    [...rules.tenants].map((tenant) => [tenant, remoteKeys(rules.authority, tenant, deps.outbound)]),
  );

  return async (authorization) => {
    if (authorization === null) return { refusal: 'missing' };
    if (holdsSeveral(authorization)) return { refusal: 'repeated' };
    const token = bearerToken(authorization);
    if (token === undefined) return { refusal: 'malformed' };
    const tenant = unverifiedTenant(token);
    const keySet = tenant === undefined ? undefined : keySets.get(tenant);
    if (tenant === undefined || keySet === undefined) return { refusal: 'unknown_tenant' };
    const issuer = issuerOf(rules.authority, tenant);
    try {
      const { payload, protectedHeader } = await jwtVerify(token, outlasting(keySet), {
        algorithms: ['RS256'],
        typ: 'JWT',
        issuer,
        audience: rules.audience,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'iat', 'nbf', 'tid', 'oid', 'ver'],
        currentDate: deps.clock.now(),
      });
      const key = keySet.jwks()?.keys.find(({ kid }) => kid === protectedHeader.kid);
      if (!keyIsOfIssuer(key, tenant, issuer)) return { refusal: 'bad_signature' };
      return judgeClaims(payload, tenant);
    } catch (error) {
      return { refusal: refusalOf(error) };
    }
  };
}

/** The issuer of a tenant's tokens. */
export const issuerOf = (authority: string, tenant: string): string => `${authority}/${tenant}/v2.0`;

/** Where the keys are that a tenant's tokens are signed with. */
export const keysUrl = (authority: string, tenant: string): string =>
  `${authority}/${tenant}/discovery/v2.0/keys`;

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>;

function remoteKeys(authority: string, tenant: string, outbound: KeySource): RemoteKeys {
  return createRemoteJWKSet(new URL(keysUrl(authority, tenant)), {
    cacheMaxAge: 24 * 3_600_000,
    cooldownDuration: 30_000,
    [customFetch]: async (url, { signal }) => {
      const response = await outbound.request({
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        signal,
      });
      if (!response.ok)
        throw new InfrastructureError(
          'identity_provider',
          'fetch signing keys',
          new Error(response.error.message),
        );
      const { statusCode, body } = response.value;
      return new Response(await body.bytes(MAX_KEYS_BYTES), { status: statusCode });
    },
  });
}

/** The keys that were fetched last serve for as long as their source is down; one that is not among them is no verdict then. */
function outlasting(keySet: RemoteKeys): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keySet(header, token);
    } catch (error) {
      const last = keySet.jwks();
      if (last === undefined) throw error;
      return createLocalJWKSet(last)(header, token).catch(() => Promise.reject(error as Error));
    }
  };
}

/** The tenant that an unverified token claims: used only to choose among the keys of configured tenants. */
function unverifiedTenant(token: string): string | undefined {
  try {
    const { tid } = decodeJwt(token);
    return typeof tid === 'string' ? tid : undefined;
  } catch {
    return undefined;
  }
}

/** Entra's keys say whose tokens they sign, as a template for keys that all tenants share. */
export function keyIsOfIssuer(key: object | undefined, tenant: string, issuer: string): boolean {
  const template = key !== undefined && 'issuer' in key ? key.issuer : undefined;
  return typeof template === 'string' && template.replace('{tenantid}', tenant) === issuer;
}

function judgeClaims(payload: JWTPayload, tenant: string): Verdict {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success || parsed.data.tid !== tenant) return { refusal: 'wrong_claims' };
  const claims = parsed.data;
  const isApp = claims.scp === undefined;
  if (isApp && claims.idtyp !== 'app') return { refusal: 'no_scope' };
  if (!isApp && !claims.scp?.split(' ').includes(REQUIRED_SCOPE)) return { refusal: 'no_scope' };
  const granted = grantedRoles(claims.roles);
  if (granted.length === 0) return { refusal: 'no_role' };
  return {
    principal: {
      tenantId: claims.tid,
      userId: claims.oid,
      kind: isApp ? 'app' : 'user',
      clientId: claims.azp ?? '',
      roles: granted,
      expiresAt: claims.exp * 1000,
    },
  };
}

/** The roles of this gateway among those of a token. */
export const grantedRoles = (claimed: readonly string[]): readonly Role[] =>
  roles.filter((role) => claimed.includes(`Gateway.${role}`));

/** @throws InfrastructureError when the fault is not the token's. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'wrong_audience';
    return error.claim === 'nbf' && error.reason === 'check_failed' ? 'not_yet_valid' : 'wrong_claims';
  }
  const isTokens =
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported;
  if (isTokens) return 'bad_signature';
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return 'malformed';
  throw error instanceof InfrastructureError
    ? error
    : new InfrastructureError('identity_provider', 'verify token', error);
}
