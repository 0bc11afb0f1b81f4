import * as z from 'zod';
import type { GrantName } from './grant.ts';

/** The grant that a token is of, and the client that the token was issued to. */
export interface TokenOrigin extends GrantName {
  readonly clientId: string;
}

const claimsSchema = z.object({
  iss: z.string(),
  tid: z.string(),
  oid: z.string(),
  gid: z.string(),
  client_id: z.string(),
});

/** Returns the origin of an access token of the gateway's own by its verified claims; `undefined` for a token of another issuer. */
export function originIn(claims: unknown, issuer: string): TokenOrigin | undefined {
  const { data } = claimsSchema.safeParse(claims);
  return data?.iss === issuer
    ? { tenantId: data.tid, userId: data.oid, id: data.gid, clientId: data.client_id }
    : undefined;
}
