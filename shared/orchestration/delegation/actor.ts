import { z } from 'zod';
import { roles } from '../../identity/principal.ts';
import type { Caller } from '../caller.ts';

/**
 * For whom work is done. `caller`: a user or an app, with the roles and the end of the token that asked for it. `system`: a
 * plan, gate or event of the gateway itself; whoever begins one need not be able to read all of its results.
 */
export const actorSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('caller'),
    roles: z.array(z.enum(roles)).readonly(),
    /** Milliseconds since the epoch, as in the principal. */
    expiresAt: z.number(),
  }),
  z.object({ kind: z.literal('system'), part: z.string() }),
]);
export type Actor = Readonly<z.infer<typeof actorSchema>>;

export const callerActor = ({ principal: { roles, expiresAt } }: Pick<Caller, 'principal'>): Actor => ({
  kind: 'caller',
  roles,
  expiresAt,
});
/** `part` names the plan, gate or event. */
export const systemActor = (part: string): Actor => ({ kind: 'system', part });
