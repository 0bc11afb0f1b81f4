import * as z from 'zod';
import type { Replacement, Stored } from '../../platform/tables/tables.ts';
import { roles } from '../access/actor.ts';

export const grantSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  userId: z.string(),
  /** What Entra calls the person, for people to read. */
  userName: z.string().optional(),
  /** The roles that Entra named at the last refresh. */
  roles: z.array(z.enum(roles)).readonly(),
  clientId: z.string(),
  /** The endpoint that its tokens are for. */
  resource: z.string(),
  scopes: z.array(z.string()).readonly(),
  createdAt: z.iso.datetime(),
  /** Soon after its creation, until the client has exchanged its code. */
  expiresAt: z.iso.datetime(),
  /** The number of the refresh token that is valid now. 0: no refresh token was issued yet. */
  generation: z.number().int().min(0),
  /** When the last refresh token was issued. */
  rotatedAt: z.iso.datetime(),
  /** The refresh token of Entra, sealed for this grant. */
  entraToken: z.string(),
});
/** What a person allowed a client: the family of refresh tokens that follows from one sign-in (RFC 9700, section 4.14.2). */
export type Grant = Readonly<z.infer<typeof grantSchema>>;

export type GrantName = Pick<Grant, 'tenantId' | 'userId' | 'id'>;

/** The stored grants. A grant that ended has no row. An outage is thrown. */
export interface GrantStore {
  find(name: GrantName): Promise<Stored<Grant> | undefined>;
  add(grant: Grant): Promise<'inserted' | 'exists'>;
  replace(grant: Grant, etag: string): Promise<Replacement>;
  /** Removes the grant, whoever changed it meanwhile. */
  remove(name: GrantName): Promise<'removed' | 'missing'>;
  /** Yields the grants of a person, also expired ones. */
  ofUser(tenantId: string, userId: string): AsyncIterable<Grant>;
  /** Removes grants that have expired. */
  purge(now: Date): Promise<void>;
}
