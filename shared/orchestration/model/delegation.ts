import * as z from 'zod';
import { actorSchema } from '../../identity/access/actor.ts';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { errorKinds } from '../../platform/base/errors.ts';
import { fitsRow } from '../../platform/tables/tableDocument.ts';
import type { LogFields } from '../../platform/telemetry/log.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import { agentNames } from './agents.ts';
import {
  FIRST_RETRY_MS,
  LEASE_MARGIN_MS,
  MAX_RESEND_AFTER_MS,
  RESEND_AFTER_MS,
  RETRY_FACTOR,
  ROW_RESERVE,
} from './limits.ts';

/** Why a delegation failed. The message is for callers. */
export const taskErrorSchema = z.object({ kind: z.enum(errorKinds), message: z.string() });

/** How a delegation ended. */
export const outcomeSchema = z.discriminatedUnion('success', [
  z.object({ success: z.literal(true), result: z.unknown() }),
  z.object({ success: z.literal(false), error: taskErrorSchema }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

export const agentSchema = z.enum(agentNames);

export const delegationStateSchema = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);

/** Work for one agent, and its state. */
export const delegationSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  agent: agentSchema,
  task: z.string(),
  input: z.unknown(),
  requestingAgent: agentSchema,
  /** The user who asked for it; absent for the step of a plan, which knows that itself. */
  requestedBy: z.string().optional(),
  /** On whose behalf it is done; absent for work of the system's own. */
  actor: actorSchema.optional(),
  /** The plan, gate or event of the gateway that authorises it. Its task then needs no permission of the actor. */
  grantedBy: z.string().optional(),
  /** The session that it was asked for in. When a user ends the session, the work has no actor any more. */
  sessionId: z.string().optional(),
  planId: z.string().optional(),
  stepId: z.string().optional(),
  traceparent: z.string(),
  state: delegationStateSchema,
  /** Number of the newest message. Each retry and each message of the sweeper adds one. */
  attempt: z.int().min(1),
  /** How often an agent has begun the task. */
  attempts: z.int().min(0),
  /** While running: the end of the lease. Afterwards, any instance may claim the delegation. */
  leaseUntil: z.iso.datetime().optional(),
  /** When its current message was sent or is to be delivered. */
  sentAt: z.iso.datetime(),
  deadline: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  outcome: outcomeSchema.optional(),
});
export type Delegation = z.infer<typeof delegationSchema>;

/** The fields of a new delegation. */
type Work = Pick<
  Delegation,
  | 'id'
  | 'tenantId'
  | 'agent'
  | 'task'
  | 'input'
  | 'requestedBy'
  | 'actor'
  | 'grantedBy'
  | 'sessionId'
  | 'planId'
  | 'stepId'
  | 'traceparent'
  | 'deadline'
>;

/** Returns a new delegation. No message of it has been sent. */
export function newDelegation(work: Work, now: Date): Delegation {
  const at = now.toISOString();
  const requestingAgent = 'mcp-orchestrator';
  return { ...work, requestingAgent, state: 'queued', attempt: 1, attempts: 0, sentAt: at, createdAt: at };
}

export type ClaimDecision =
  | { readonly kind: 'claimed'; readonly delegation: Delegation }
  | { readonly kind: 'overdue'; readonly delegation: Delegation }
  /** Nothing to do for this message: the delegation has ended or is running. */
  | { readonly kind: 'skip'; readonly reason: 'finished' | 'running' };

/**
 * Decides what a message may do. Messages arrive more than once and out of order, and their senders may have crashed: only the
 * row counts. The agent of a running row with an expired lease has crashed.
 */
export function claim(row: Delegation, now: Date, timeoutMs: number): ClaimDecision {
  if (row.outcome) return { kind: 'skip', reason: 'finished' };
  // No clock tolerance: a second message arrives after the message lock is lost, and a task may run twice without harm.
  if (isLeased(row, now)) return { kind: 'skip', reason: 'running' };
  if (isOverdue(row, now)) return { kind: 'overdue', delegation: finish(row, overdueOutcome(row), now) };
  return {
    kind: 'claimed',
    delegation: {
      ...row,
      state: 'running',
      attempts: row.attempts + 1,
      startedAt: row.startedAt ?? now.toISOString(),
      leaseUntil: new Date(now.getTime() + timeoutMs + LEASE_MARGIN_MS).toISOString(),
    },
  };
}

export type SweepDecision =
  | { readonly kind: 'leave' }
  | { readonly kind: 'overdue'; readonly delegation: Delegation }
  | { readonly kind: 'resend'; readonly delegation: Delegation };

/**
 * Decides what to do with an unfinished delegation whose message may be lost. A second message does no
 * harm, so `sentAt` needs no clock tolerance.
 */
export function sweep(row: Delegation, now: Date): SweepDecision {
  if (isLeased(row, new Date(now.getTime() - CLOCK_TOLERANCE_MS))) return { kind: 'leave' };
  if (isOverdue(row, now)) return { kind: 'overdue', delegation: finish(row, overdueOutcome(row), now) };
  const patienceMs = Math.min(RESEND_AFTER_MS * 2 ** (row.attempt - 1), MAX_RESEND_AFTER_MS);
  if (now.getTime() - new Date(row.sentAt).getTime() < patienceMs) return { kind: 'leave' };
  return { kind: 'resend', delegation: requeue(row, now) };
}

export const isLeased = (row: Delegation, now: Date): boolean =>
  row.state === 'running' && row.leaseUntil !== undefined && new Date(row.leaseUntil) > now;

const isOverdue = (row: Delegation, now: Date): boolean => timeLeftMs(row, now) <= 0;

/**
 * Returns the time left until the deadline, in ms. One machine wrote the deadline and the creation, `now` may be of another.
 * So the time left is at most the time between the two, and it ends when the deadline is past by `CLOCK_TOLERANCE_MS`.
 */
export const timeLeftMs = (
  { createdAt, deadline }: Pick<Delegation, 'createdAt' | 'deadline'>,
  now: Date,
): number => {
  const endsAt = Date.parse(deadline);
  return Math.min(endsAt - Date.parse(createdAt), endsAt + CLOCK_TOLERANCE_MS - now.getTime());
};

const overdueOutcome = ({ deadline }: Delegation): Outcome => ({
  success: false,
  error: { kind: 'timeout', message: `not finished by its deadline, ${deadline}` },
});

export function finish(row: Delegation, outcome: Outcome, now: Date): Delegation {
  const { leaseUntil: _, ...rest } = row;
  return { ...rest, state: stateAfter(outcome), outcome, finishedAt: now.toISOString() };
}

/** Returns the outcome, or a failure instead of an outcome that the row cannot hold. */
export function fitOutcome(outcome: Outcome, { task, input }: Delegation): Outcome {
  if (fitsRow(JSON.stringify([outcome, input ?? null]), ROW_RESERVE)) return outcome;
  const message = `the result of ${task} with its input is longer than a row holds`;
  return { success: false, error: { kind: 'too_large', message } };
}

function stateAfter(outcome: Outcome): Delegation['state'] {
  if (outcome.success) return 'succeeded';
  return outcome.error.kind === 'cancelled' ? 'cancelled' : 'failed';
}

/** Returns a claimed delegation, queued again after a fault. The queue does not deliver its next message before `sentAt`. */
export function retryLater(row: Delegation, now: Date): Delegation {
  const backoffMs = FIRST_RETRY_MS * RETRY_FACTOR ** (row.attempts - 1);
  return requeue(row, new Date(now.getTime() + backoffMs));
}

/** Returns the delegation queued again under a new attempt: the queue drops a second message of one attempt as a duplicate. */
export function requeue(row: Delegation, sentAt: Date): Delegation {
  const { leaseUntil: _, ...rest } = row;
  return { ...rest, state: 'queued', attempt: row.attempt + 1, sentAt: sentAt.toISOString() };
}

/** Returns the fields of every log line about a delegation. */
export function logFieldsOf({ id, agent, task, attempt, traceparent }: Delegation): LogFields {
  return { delegationId: id, agent, task, attempt, traceId: continueTrace(traceparent).traceId };
}
