import { z } from 'zod';
import { principalSchema } from '../../identity/access/actor.ts';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import type { LogFields } from '../../platform/telemetry/log.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import { agentNames } from './agents.ts';
import { type Outcome, outcomeSchema } from './outcome.ts';

export const agentSchema = z.enum(agentNames);

export const delegationStateSchema = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);

/** One piece of work for one agent, and how far it is. */
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
  actor: principalSchema.optional(),
  /** The plan, gate or event of the gateway that authorises it. Its task then needs no permission of the actor. */
  grantedBy: z.string().optional(),
  /** The session that it was asked for in. When a user ends the session, the work has no actor any more. */
  sessionId: z.string().optional(),
  planId: z.string().optional(),
  stepId: z.string().optional(),
  traceparent: z.string(),
  state: delegationStateSchema,
  /** Number of the newest message: one more with each retry and each time that the sweeper sends again. */
  attempt: z.int().min(1),
  /** How often an agent has begun. */
  attempts: z.int().min(0),
  /** While running: until then it is the claimer's, afterwards anyone may claim it. */
  leaseUntil: z.iso.datetime().optional(),
  /** When its current message was sent, or was to be sent. */
  sentAt: z.iso.datetime(),
  deadline: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  outcome: outcomeSchema.optional(),
});
export type Delegation = z.infer<typeof delegationSchema>;

/** What is to be done, by whom, for whom and until when. */
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

/** A delegation of which nothing has been sent. */
export function newDelegation(work: Work, now: Date): Delegation {
  const at = now.toISOString();
  const requestingAgent = 'mcp-orchestrator';
  return { ...work, requestingAgent, state: 'queued', attempt: 1, attempts: 0, sentAt: at, createdAt: at };
}

/** A task that throws this often fails for good. */
export const MAX_ATTEMPTS = 4;

/** A claim outlives the task's own timeout by this, so that a slow record of the outcome is not overtaken. */
const LEASE_MARGIN_MS = 5_000;

export type ClaimDecision =
  | { readonly kind: 'claimed'; readonly delegation: Delegation }
  | { readonly kind: 'overdue'; readonly delegation: Delegation }
  /** Nothing to do for this message: the work is done or is being done. */
  | { readonly kind: 'skip'; readonly reason: 'finished' | 'running' };

/**
 * Decides what a message may do. Messages come more than once and out of order, and their senders may have died: only the
 * row counts. A running row whose lease has ended belongs to an agent that is gone.
 */
export function claim(row: Delegation, now: Date, timeoutMs: number): ClaimDecision {
  if (row.outcome) return { kind: 'skip', reason: 'finished' };
  // No tolerance here: a second message comes when the claimer's lock is lost, and its task may run twice without harm.
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

/** The first wait for an answer before a message counts as lost; it doubles with each sending, up to an hour. */
export const RESEND_AFTER_MS = 60_000;
const RESEND_AT_MOST_MS = 3_600_000;

/**
 * Decides what to do with an unfinished delegation whose message may be lost. A second message does no
 * harm, so `sentAt` needs no clock tolerance.
 */
export function sweep(row: Delegation, now: Date): SweepDecision {
  if (isLeased(row, new Date(now.getTime() - CLOCK_TOLERANCE_MS))) return { kind: 'leave' };
  if (isOverdue(row, now)) return { kind: 'overdue', delegation: finish(row, overdueOutcome(row), now) };
  const patienceMs = Math.min(RESEND_AFTER_MS * 2 ** (row.attempt - 1), RESEND_AT_MOST_MS);
  if (now.getTime() - new Date(row.sentAt).getTime() < patienceMs) return { kind: 'leave' };
  return { kind: 'resend', delegation: requeue(row, now) };
}

export const isLeased = (row: Delegation, now: Date): boolean =>
  row.state === 'running' && row.leaseUntil !== undefined && new Date(row.leaseUntil) > now;

const isOverdue = (row: Delegation, now: Date): boolean => timeLeftMs(row, now) <= 0;

/**
 * Returns how long work may go on, in ms. The deadline and the creation are times of one machine, and `now` may be of another.
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

/** Characters of JSON that an input may have, and an input with its result: a row holds both. */
export const MAX_INPUT_LENGTH = 200_000;
const MAX_CONTENT_LENGTH = 450_000;

/** The outcome, or a failure in its place where the row could not hold it. */
export function fitting(outcome: Outcome, { task, input }: Delegation): Outcome {
  const length = JSON.stringify(outcome).length + JSON.stringify(input ?? null).length;
  if (length <= MAX_CONTENT_LENGTH) return outcome;
  const message = `the result of ${task} with its input is longer than ${MAX_CONTENT_LENGTH} characters`;
  return { success: false, error: { kind: 'too_large', message } };
}

function stateAfter(outcome: Outcome): Delegation['state'] {
  if (outcome.success) return 'succeeded';
  return outcome.error.kind === 'cancelled' ? 'cancelled' : 'failed';
}

const FIRST_BACKOFF_MS = 1_000;
const BACKOFF_FACTOR = 4;

/** Gives a claim back after a fault. Its next message is sent under a number of its own, and not delivered before `sentAt`. */
export function retryLater(row: Delegation, now: Date): Delegation {
  const backoffMs = FIRST_BACKOFF_MS * BACKOFF_FACTOR ** (row.attempts - 1);
  return requeue(row, new Date(now.getTime() + backoffMs));
}

/** Queued again, for a message under a number of its own: one under the number before would be dropped as a duplicate. */
export function requeue(row: Delegation, sentAt: Date): Delegation {
  const { leaseUntil: _, ...rest } = row;
  return { ...rest, state: 'queued', attempt: row.attempt + 1, sentAt: sentAt.toISOString() };
}

/** What every log line about a delegation says. */
export function logFieldsOf({ id, agent, task, attempt, traceparent }: Delegation): LogFields {
  return { delegationId: id, agent, task, attempt, traceId: continueTrace(traceparent).traceId };
}
