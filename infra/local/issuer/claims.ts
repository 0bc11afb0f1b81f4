import { createHash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { roles } from '../../../shared/identity/access/actor.ts';
import { apiClientId, clientAppId, defaultTenant, defaultUser } from '../defaults.ts';
import type { Client, Person } from './directory.ts';
import type { AskedScopes } from './scopes.ts';

const guid = z.guid().transform((text) => text.toLowerCase());
const role = z.enum(roles);

/** The body of `POST /mint`: for whom the token is. Callers cannot choose its other claims. */
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

/** Returns the issuer of a tenant, in Entra's form. */
export const issuerOf = (origin: string, tenant: string): string => `${origin}/${tenant}/v2.0`;

/** Who issues a token, and when. `tokenId` must be unique. */
export interface Issuance {
  readonly origin: string;
  readonly now: Date;
  readonly tokenId: string;
}

/** Returns the claims of an Entra v2 access token. */
export function tokenClaims(request: ParsedMintRequest, { origin, now, tokenId }: Issuance): JWTPayload {
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
    // Entra omits the claim when it would be empty.
    ...(granted.length > 0 && { roles: granted.map((name) => `Gateway.${name}`) }),
    uti: tokenId,
    rh: `1.${pairwise(tenant, clientAppId)}.`,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + expiresInSeconds,
  };
}

/** Entra's numbers for the ways in which a client proves itself (`azpacr`). */
const proofs = { none: '0', secret: '1', assertion: '2' } as const satisfies Record<
  Client['proof']['kind'],
  string
>;

/** Returns the claims of the access token of a person who signed in. */
export function accessTokenClaims(
  { tenant, oid, name, username, roles }: Person,
  { id, proof }: Client,
  { audience, scp, isOfGateway }: Pick<AskedScopes, 'audience' | 'scp' | 'isOfGateway'>,
  issuance: Issuance,
): JWTPayload {
  const request = mintRequestSchema.parse({ tenant, user: oid, roles: isOfGateway ? roles : [] });
  const ofClient = { aud: audience, azp: id, azpacr: proofs[proof.kind], scp };
  return { ...tokenClaims(request, issuance), ...ofClient, name, preferred_username: username };
}

/** Returns the claims of the ID token (OpenID Connect Core, section 2), with those of Entra. */
export function idTokenClaims(
  { tenant, oid, name, username }: Person,
  client: Client,
  nonce: string | null,
  { origin, now, tokenId }: Issuance,
): JWTPayload {
  const issuedAt = Math.floor(now.getTime() / 1_000);
  return {
    ver: '2.0',
    iss: issuerOf(origin, tenant),
    aud: client.id,
    sub: pairwise(oid, client.id),
    tid: tenant,
    oid,
    name,
    preferred_username: username,
    ...(nonce !== null && { nonce }),
    uti: tokenId,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + 3_600,
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

/** Returns an opaque value that is different for each pair, like Entra's `sub`. */
function pairwise(first: string, second: string): string {
  return createHash('sha256').update(`${first}:${second}`).digest('base64url');
}
