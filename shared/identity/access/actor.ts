import * as z from 'zod';

/** App roles of the Entra app registration, without their prefix `Gateway.`. */
export const roles = ['Admin', 'Operator', 'Auditor', 'User'] as const;
export type Role = (typeof roles)[number];

/** Who a request or a piece of work acts for, as the verified token names them. It holds no token. */
export interface Actor {
  /** Entra's `tid`: the boundary of all data. */
  readonly tenantId: string;
  /** Entra's `oid`: the user, or the service principal of an app. */
  readonly userId: string;
  /** What the token calls the user, for people to read. It decides nothing. */
  readonly name?: string | undefined;
  readonly kind: 'user' | 'app';
  /** The client application, Entra's `azp`. */
  readonly clientId: string;
  readonly roles: readonly Role[];
  /** The grant that a token of the gateway's own is of. Absent for a token of Entra. */
  readonly grantId?: string | undefined;
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** An actor in a stored row. */
export const actorSchema: z.ZodType<Actor> = z.object({
  tenantId: z.string(),
  userId: z.string(),
  name: z.string().optional(),
  kind: z.enum(['user', 'app']),
  clientId: z.string(),
  roles: z.array(z.enum(roles)).readonly(),
  grantId: z.string().optional(),
  expiresAt: z.number(),
});
