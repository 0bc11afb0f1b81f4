import { z } from 'zod';

/** App roles of the Entra app registration, without their prefix `Gateway.`. */
export const roles = ['Admin', 'Operator', 'Auditor', 'User'] as const;
export type Role = (typeof roles)[number];

/** Who calls, from the verified token alone. */
export interface Principal {
  /** Entra's `tid`: the boundary of all data. */
  readonly tenantId: string;
  /** Entra's `oid`: the user, or the service principal of an app. */
  readonly userId: string;
  readonly kind: 'user' | 'app';
  /** The client application, Entra's `azp`. */
  readonly clientId: string;
  readonly roles: readonly Role[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A principal as a row keeps it. It holds no token. */
export const principalSchema: z.ZodType<Principal> = z.object({
  tenantId: z.string(),
  userId: z.string(),
  kind: z.enum(['user', 'app']),
  clientId: z.string(),
  roles: z.array(z.enum(roles)).readonly(),
  expiresAt: z.number(),
});
