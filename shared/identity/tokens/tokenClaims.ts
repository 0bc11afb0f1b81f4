import type { JWTPayload } from 'jose';
import * as z from 'zod';
import { type Actor, type Role, roles } from '../access/actor.ts';
import { MAX_SHOWN_LENGTH } from '../limits.ts';

/** Who issued a token: Entra, or the gateway itself for a person who signed in with it. */
export type TokenKind = 'entra' | 'gateway';

/** The shape of the claims that the rules and the actor are read from. Their values are checked by rules of their own. */
const shape = z.object({
  iss: z.string(),
  aud: z.string().optional(),
  tid: z.guid(),
  oid: z.guid(),
  iat: z.number(),
  nbf: z.number(),
  exp: z.number(),
  ver: z.string().optional(),
  azp: z.string().optional(),
  client_id: z.string().min(1).optional(),
  gid: z.string().min(1).optional(),
  idtyp: z.string().optional(),
  scp: z.string().optional(),
  // Entra writes them as the tenant's settings say. No other form of them is a reason to refuse a token.
  name: z.string().min(1).optional().catch(undefined),
  preferred_username: z.string().min(1).optional().catch(undefined),
  roles: z.array(z.string()).default([]),
});
type Claims = z.infer<typeof shape>;

/** The claims of each kind of token. A claim of the gateway means nothing in a token of Entra. */
export const claimsOf = {
  entra: shape.omit({ client_id: true, gid: true }).required({ ver: true }),
  gateway: shape.required({ client_id: true, gid: true, scp: true }),
} as const satisfies Record<TokenKind, z.ZodType<Claims>>;

/** Returns who signed in with a token that keeps every rule. */
export function actorOfClaims(kind: TokenKind, payload: JWTPayload): Actor {
  const claims: Claims = claimsOf[kind].parse(payload);
  const { tid, oid, azp = '', client_id, gid, scp, exp } = claims;
  const name = claims.name ?? claims.preferred_username;
  return {
    tenantId: tid,
    userId: oid,
    ...(name !== undefined && { name: name.slice(0, MAX_SHOWN_LENGTH).toWellFormed() }),
    kind: scp === undefined ? 'app' : 'user',
    clientId: client_id ?? azp,
    roles: grantedRoles(claims.roles),
    ...(gid !== undefined && { grantId: gid }),
    expiresAt: exp * 1_000,
  };
}

export const rolesOf = (claims: JWTPayload): readonly string[] =>
  shape.shape.roles.safeParse(claims['roles']).data ?? [];

/** The roles of this gateway among those of a token. */
export const grantedRoles = (claimed: readonly string[]): readonly Role[] =>
  roles.filter((role) => claimed.includes(`Gateway.${role}`));
