import * as z from 'zod';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { idSchema } from '../../platform/base/ids.ts';
import { agentSchema, type Delegation, logFieldsOf } from '../model/delegation.ts';
import { MAX_MESSAGE_INPUT_BYTES } from '../model/limits.ts';
import type { OrchestrationDeps } from './deps.ts';

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

/** Whether an input fits into a message. */
export const fitsMessage = (input: unknown): boolean =>
  Buffer.byteLength(JSON.stringify(input ?? null)) <= MAX_MESSAGE_INPUT_BYTES;

/**
 * Stores a delegation and dispatches it, unless it failed as it was created. Returns false when it exists already: nothing is
 * sent then.
 */
export async function submitDelegation(delegation: Delegation, deps: OrchestrationDeps): Promise<boolean> {
  if ((await deps.delegations.add(delegation)) === 'exists') return false;
  if (!delegation.outcome) await deps.dispatcher.dispatch(delegation);
  return true;
}

/**
 * Sends the delegation's message, to be delivered at `sentAt`. In an outage it logs and returns: the sweeper sends the message
 * later.
 */
export async function sendMessage(
  delegation: Delegation,
  { sender, log, clock }: Pick<OrchestrationDeps, 'sender' | 'log' | 'clock'>,
): Promise<void> {
  const { id, agent, attempt } = delegation;
  const sentAt = new Date(delegation.sentAt);
  try {
    await sender.send(agent, {
      messageId: `${id}:${attempt}`,
      body: messageOf(delegation),
      ...(sentAt > clock.now() && { notBefore: sentAt }),
    });
    log.info('delegation_sent', logFieldsOf(delegation));
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    log.error('delegation_send_failed', logFieldsOf(delegation), error);
  }
}
