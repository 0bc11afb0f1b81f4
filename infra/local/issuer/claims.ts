import { createHash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { roles } from '../../../shared/identity/access/actor.ts';
import { apiClientId, clientAppId, defaultTenant, defaultUser } from '../defaults.ts';

const guid = z.guid().transform((text) => text.toLowerCase());
const role = z.enum(roles);

/** What may be asked of `POST /mint`: who the token is for, never what a token looks like. */
export const mintRequestSchema = z
  .strictObject({
    tenant: guid.default(defaultTenant),
    user: guid.default(defaultUser),
    role: role.optional(),
    roles: z.array(role).max(roles.length).optional(),
    /** An app signs in as itself: no user, no scope. */
    kind: z.enum(['user', 'app']).default('user'),
    expiresInSeconds: z.int().min(1).max(86_400).default(3_600),
  })
  .refine((request) => request.role === undefined || request.roles === undefined, {
    path: ['role'],
    message: 'give either role or roles',
  });
export type MintRequest = z.input<typeof mintRequestSchema>;
export type ParsedMintRequest = z.output<typeof mintRequestSchema>;

/** The issuer as Entra names it: one for each tenant. */
export const issuerOf = (origin: string, tenant: string): string => `${origin}/${tenant}/v2.0`;

/** The claims of an Entra v2 access token. `tokenId` is unique to it. */
export function tokenClaims(
  request: ParsedMintRequest,
  { origin, now, tokenId }: { readonly origin: string; readonly now: Date; readonly tokenId: string },
): JWTPayload {
  const { tenant, user, kind, expiresInSeconds } = request;
  const granted = request.roles ?? (request.role ? [request.role] : []);
  const issuedAt = Math.floor(now.getTime() / 1_000);
  return {
    ver: '2.0',
    iss: issuerOf(origin, tenant),
    aud: apiClientId,
    tid: tenant,
    oid: user,
    ...(kind === 'user' ? userClaims(user) : appClaims(user)),
    // Entra leaves the claim out when there are none.
    ...(granted.length > 0 && { roles: granted.map((name) => `Gateway.${name}`) }),
    uti: tokenId,
    rh: `1.${pairwise(tenant, clientAppId)}.`,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + expiresInSeconds,
  };
}

function userClaims(user: string): JWTPayload {
  const shortName = user.slice(0, 8);
  return {
    sub: pairwise(user, apiClientId),
    azp: clientAppId,
    azpacr: '0',
    scp: 'mcp.access',
    name: `Local user ${shortName}`,
    preferred_username: `${shortName}@local.example`,
  };
}

function appClaims(app: string): JWTPayload {
  return { sub: app, azp: clientAppId, azpacr: '1', idtyp: 'app' };
}

/** Opaque, and different for each pair, like Entra's `sub`. */
function pairwise(first: string, second: string): string {
  return createHash('sha256').update(`${first}:${second}`).digest('base64url');
}
