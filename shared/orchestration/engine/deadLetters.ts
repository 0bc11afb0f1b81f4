import { z } from 'zod';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { DeadLetter, DeadLetterQueues } from '../../platform/serviceBus/deadLetters.ts';
import type { Page } from '../../platform/tables/tables.ts';
import type { Agent } from '../model/agents.ts';
import { type Delegation, isLeased, requeue } from '../model/delegation.ts';
import { type DelegationMessage, delegationMessageSchema } from '../model/delegationMessage.ts';
import { sendMessage } from './sendMessage.ts';
import type { OrchestrationDeps } from './deps.ts';

export interface DeadLetterDeps extends OrchestrationDeps {
  readonly deadLetters: DeadLetterQueues;
}

/** A dead letter that the caller's tenant may see, with the delegation that it speaks of. */
export interface SeenDeadLetter {
  readonly letter: DeadLetter;
  /** Absent when nobody can read the message. `state` is absent when there is no such delegation. */
  readonly delegation?: { readonly id: string; readonly state?: Delegation['state'] | undefined };
}

/** The text of a 64-bit number, which names a dead letter of a queue. */
export const sequenceNumberSchema = z
  .string()
  .refine((text) => /^(0|[1-9]\d{0,18})$/.test(text) && BigInt(text) < 2n ** 63n, 'is no sequence number');

const PEEKED_AT_ONCE = 100;
/** How many of other tenants a page passes over before it is given as it is. */
const MAX_PEEKS = 10;

/** Those of the tenant on the agent's queue, in their order; `after` is where the page before ended. */
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
    const letters = await deps.deadLetters.list(agent, PEEKED_AT_ONCE, last && next(last));
    for (const letter of letters) {
      last = letter.sequenceNumber;
      if (ownerOf(letter, deps.operatorTenant) === tenantId) own.push(letter);
      if (own.length === limit) return { items: await withDelegations(own, tenantId, deps), after: last };
    }
    if (letters.length < PEEKED_AT_ONCE) return { items: await withDelegations(own, tenantId, deps) };
  }
  return { items: await withDelegations(own, tenantId, deps), ...(last !== undefined && { after: last }) };
}

export type RequeueDecision =
  /** Its row under a new number, and so a message that is not dropped as a duplicate. */
  | { readonly kind: 'requeued'; readonly delegation: Delegation }
  /** The dead letter has nothing more to say. */
  | { readonly kind: 'removed'; readonly because: 'ended' | 'running' | 'unknown' };

/** What a second message could do for the delegation that a dead letter speaks of. A running agent keeps its claim. */
export function decideRequeue(row: Delegation | undefined, now: Date): RequeueDecision {
  if (!row) return { kind: 'removed', because: 'unknown' };
  if (row.outcome) return { kind: 'removed', because: 'ended' };
  if (isLeased(row, now)) return { kind: 'removed', because: 'running' };
  return { kind: 'requeued', delegation: requeue(row, now) };
}

/** What was done with a dead letter; `resent` is one that nobody can read, sent as it was. */
export type Requeued =
  | { readonly kind: 'resent' }
  | (RequeueDecision & { readonly delegationId: string; readonly state?: Delegation['state'] | undefined });

/**
 * Gives a dead letter of the caller's tenant another chance, and removes it last: a crash in between leaves a message too
 * many, which does no harm, and never one too few. Failures: `not_found`; `unavailable` when it cannot be held now.
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
      'it is held by another call, or too many stand before it: try again, or begin with the first';
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

/** Returns whose message it is. An unreadable one belongs to no tenant, and the operator's tenant sees it. */
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
