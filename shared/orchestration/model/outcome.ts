import { z } from 'zod';
import { errorKinds } from '../../platform/base/errors.ts';

/** Why a delegation failed, in words for callers. */
export const taskErrorSchema = z.object({ kind: z.enum(errorKinds), message: z.string() });

/** How a delegation ended. */
export const outcomeSchema = z.discriminatedUnion('success', [
  z.object({ success: z.literal(true), result: z.unknown() }),
  z.object({ success: z.literal(false), error: taskErrorSchema }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;
