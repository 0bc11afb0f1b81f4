import * as z from 'zod';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { DeadLetter, DeadLetterQueues } from '../../platform/serviceBus/deadLetters.ts';
import type { Page } from '../../platform/tables/tables.ts';
import type { Agent } from '../model/agents.ts';
import { type Delegation, isLeased, requeue } from '../model/delegation.ts';
import { DEAD_LETTERS_PER_PEEK, MAX_PEEKS } from '../model/limits.ts';
import type { OrchestrationDeps } from './deps.ts';
import { type DelegationMessage, delegationMessageSchema, sendMessage } from './message.ts';

export interface DeadLetterDeps extends OrchestrationDeps {
  readonly deadLetters: DeadLetterQueues;
}

/** A dead letter that the caller's tenant may see, with its delegation. */
export interface SeenDeadLetter {
  readonly letter: DeadLetter;
  /** Absent for an unreadable message. `state` is absent for a missing delegation. */
  readonly delegation?: { readonly id: string; readonly state?: Delegation['state'] | undefined };
}

/** The sequence number of a dead letter in its queue: a 64-bit number as text. */
export const sequenceNumberSchema = z
  .string()
  .refine((text) => /^(0|[1-9]\d{0,18})$/.test(text) && BigInt(text) < 2n ** 63n, 'is not a sequence number');

/**
 * Returns a page of the tenant's dead letters on an agent's queue, in their order. `after` is the last number of the page
 * before.
 */
export async function listDeadLetters(
  agent: Agent,
  tenantId: string,
  limit: number,
  after: string | undefined,
  deps: DeadLetterDeps,
): Promise<Page<SeenDeadLetter>> {
  const own: DeadLetter[] = [];
  let last = after;
  for (let peeks = 0; peeks < MAX_PEEKS; peeks++) {
    const letters = await deps.deadLetters.list(agent, DEAD_LETTERS_PER_PEEK, last && next(last));
    for (const letter of letters) {
      last = letter.sequenceNumber;
      if (ownerOf(letter, deps.operatorTenant) === tenantId) own.push(letter);
      if (own.length === limit) return { items: await withDelegations(own, tenantId, deps), after: last };
    }
    if (letters.length < DEAD_LETTERS_PER_PEEK) return { items: await withDelegations(own, tenantId, deps) };
  }
  return { items: await withDelegations(own, tenantId, deps), ...(last !== undefined && { after: last }) };
}

export type RequeueDecision =
  /** The row has a new attempt, so that the queue does not drop the message as a duplicate. */
  | { readonly kind: 'requeued'; readonly delegation: Delegation }
  /** The dead letter is of no use any more. */
  | { readonly kind: 'removed'; readonly because: 'ended' | 'running' | 'unknown' };

/** Decides whether to send a new message for the delegation of a dead letter. A running agent keeps its lease. */
export function decideRequeue(row: Delegation | undefined, now: Date): RequeueDecision {
  if (!row) return { kind: 'removed', because: 'unknown' };
  if (row.outcome) return { kind: 'removed', because: 'ended' };
  if (isLeased(row, now)) return { kind: 'removed', because: 'running' };
  return { kind: 'requeued', delegation: requeue(row, now) };
}

/** What was done with a dead letter. `resent`: the message is unreadable, and was sent again unchanged. */
export type Requeued =
  | { readonly kind: 'resent' }
  | (RequeueDecision & { readonly delegationId: string; readonly state?: Delegation['state'] | undefined });

/**
 * Requeues the delegation of a dead letter of the caller's tenant, and then removes the dead letter. A crash in between leaves
 * one message too many, which does no harm. Failures: `not_found`; `unavailable` when the dead letter cannot be locked now.
 */
export async function requeueDeadLetter(
  agent: Agent,
  sequenceNumber: string,
  tenantId: string,
  deps: DeadLetterDeps,
): Promise<Result<Requeued>> {
  const notFound = fail({ kind: 'not_found', message: `${agent} has no dead letter "${sequenceNumber}"` });
  if (!sequenceNumberSchema.safeParse(sequenceNumber).success) return notFound;
  const [letter] = await deps.deadLetters.list(agent, 1, sequenceNumber);
  if (letter?.sequenceNumber !== sequenceNumber) return notFound;
  if (ownerOf(letter, deps.operatorTenant) !== tenantId) return notFound;
  const message = messageIn(letter);
  const done = await deps.deadLetters.take(agent, sequenceNumber, async (resend): Promise<Requeued> => {
    if (message) return requeueDelegation(message, deps);
    await resend(deps.newId());
    return { kind: 'resent' };
  });
  if (!done) {
    const message =
      'another call holds this dead letter, or too many lie before it: try again, or begin with the first one';
    return fail({ kind: 'unavailable', message });
  }
  deps.log.info('dead_letter_taken', {
    agent,
    sequenceNumber,
    done: done.kind,
    delegationId: message?.delegationId,
  });
  return succeed(done);
}

async function requeueDelegation(
  { tenantId, delegationId }: DelegationMessage,
  deps: DeadLetterDeps,
): Promise<Requeued> {
  for (;;) {
    const stored = await deps.delegations.find(tenantId, delegationId);
    const decision = decideRequeue(stored?.value, deps.clock.now());
    if (!stored || decision.kind === 'removed') {
      return { ...decision, delegationId, state: stored?.value.state };
    }
    const { delegation } = decision;
    if ((await deps.delegations.replace(delegation, stored.etag)).status !== 'replaced') continue;
    await sendMessage(delegation, deps);
    return { ...decision, delegationId, state: delegation.state };
  }
}

const messageIn = ({ body }: DeadLetter): DelegationMessage | undefined =>
  delegationMessageSchema.safeParse(body).data;

/** Returns the tenant of a message. An unreadable one has none: the operator's tenant sees it. */
const ownerOf = (letter: DeadLetter, operatorTenant: string): string =>
  messageIn(letter)?.tenantId ?? operatorTenant;

const next = (sequenceNumber: string): string => String(BigInt(sequenceNumber) + 1n);

function withDelegations(
  letters: readonly DeadLetter[],
  tenantId: string,
  { delegations }: DeadLetterDeps,
): Promise<SeenDeadLetter[]> {
  return Promise.all(
    letters.map(async (letter) => {
      const id = messageIn(letter)?.delegationId;
      if (id === undefined) return { letter };
      return { letter, delegation: { id, state: (await delegations.find(tenantId, id))?.value.state } };
    }),
  );
}
