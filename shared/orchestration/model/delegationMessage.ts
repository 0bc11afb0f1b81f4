import { z } from 'zod';
import { idSchema } from '../../platform/base/ids.ts';
import { type Delegation, agentSchema } from './delegation.ts';

/**
 * A message on the queue of an agent: ids and input, never a token. Its `messageId` is `delegationId:attempt`. An input that is
 * too large for a message stays in the row, where the agent reads it.
 */
export const delegationMessageSchema = z.object({
  schemaVersion: z.literal(1),
  delegationId: idSchema,
  attempt: z.int().min(1),
  requestingAgent: agentSchema,
  targetAgent: agentSchema,
  taskType: z.string().min(1),
  sessionId: idSchema.optional(),
  tenantId: idSchema,
  planId: idSchema.optional(),
  stepId: idSchema.optional(),
  traceparent: z.string(),
  deadline: z.iso.datetime(),
  input: z.unknown().optional(),
});
export type DelegationMessage = z.infer<typeof delegationMessageSchema>;

/** Returns the message of a delegation, for its next attempt. */
export function messageOf(row: Delegation): DelegationMessage {
  return {
    schemaVersion: 1,
    delegationId: row.id,
    attempt: row.attempt,
    requestingAgent: row.requestingAgent,
    targetAgent: row.agent,
    taskType: row.task,
    ...(row.sessionId !== undefined && { sessionId: row.sessionId }),
    tenantId: row.tenantId,
    ...(row.planId !== undefined && { planId: row.planId }),
    ...(row.stepId !== undefined && { stepId: row.stepId }),
    traceparent: row.traceparent,
    deadline: row.deadline,
    ...(fitsMessage(row.input) && { input: row.input }),
  };
}

/** Whether an input fits into a message. The standard tier of Service Bus takes 256 KB; all but the input is less than half. */
export const fitsMessage = (input: unknown): boolean =>
  Buffer.byteLength(JSON.stringify(input ?? null)) <= 128 * 1024;
