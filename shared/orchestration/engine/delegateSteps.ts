import { type Delegation, finish, newDelegation } from '../model/delegation.ts';
import type { Outcome } from '../model/outcome.ts';
import { sendNew } from './sendMessage.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { Plan } from '../model/plan.ts';
import { type QueuedWork, delegationIdOf, planError } from '../model/planProgress.ts';
import { referencesAt, resolveReferences } from '../model/references.ts';
import { writtenReferences } from '../model/writtenReferences.ts';

/** How long a step may take, waiting and repetitions included, where it does not say. */
const STEP_DEADLINE_MS = 10 * 60_000;

/** What references bring may be more than a caller may send, as long as a row holds it beside a small result. */
const MAX_RESOLVED_LENGTH = 440_000;

/**
 * Makes sure that queued work of the plan has its delegations. Safe to repeat: a delegation that is there is left alone.
 * Gives those that ended as they were made, of which the plan has yet to hear.
 */
export async function deliverWork(
  plan: Plan,
  queued: readonly QueuedWork[],
  deps: OrchestrationDeps,
): Promise<readonly Delegation[]> {
  const referred = queued
    .map(workOf)
    .flatMap((work) =>
      referencesAt(work.input, writtenReferences(work)).flatMap((reference) =>
        reference.kind === 'plan_error' ? [] : [reference.step],
      ),
    );
  const outcomes = await outcomesOf(plan, new Set(referred), deps);
  const made = queued.map((work) => delegationFor(plan, work, outcomes, deps.clock.now()));
  await Promise.all(made.map((delegation) => sendNew(delegation, deps)));
  return made.filter(({ outcome }) => outcome);
}

/** What came of some steps, by their ids; those that have not ended are left out. */
export async function outcomesOf(
  plan: Plan,
  stepIds: ReadonlySet<string>,
  { delegations }: Pick<OrchestrationDeps, 'delegations'>,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  await Promise.all(
    [...stepIds].map(async (id) => {
      const delegation = await delegations.find(plan.tenantId, delegationIdOf(plan, id));
      if (delegation?.value.outcome) outcomes.set(id, delegation.value.outcome);
    }),
  );
  return outcomes;
}

const workOf = ({ step, compensates }: QueuedWork) =>
  compensates && step.compensation ? step.compensation : step;

/** A delegation to be sent, or one that has failed already because its references brought more than a row holds. */
function delegationFor(
  plan: Plan,
  queued: QueuedWork,
  outcomes: ReadonlyMap<string, Outcome>,
  now: Date,
): Delegation {
  const { id, step } = queued;
  const work = workOf(queued);
  const { agent, task } = work;
  const resolved = resolveReferences(work.input, writtenReferences(work), {
    outcomeOf: (stepId) => outcomes.get(stepId),
    planError: planError(plan),
  });
  const tooLong = JSON.stringify(resolved ?? null).length > MAX_RESOLVED_LENGTH;
  const delegated = {
    id: delegationIdOf(plan, id),
    tenantId: plan.tenantId,
    agent,
    task,
    input: tooLong ? null : resolved,
    requestedBy: plan.requestedBy,
    ...(plan.actor && { actor: plan.actor }),
    ...(plan.grantedBy !== undefined && { grantedBy: plan.grantedBy }),
    ...(plan.sessionId !== undefined && { sessionId: plan.sessionId }),
    planId: plan.id,
    stepId: id,
    traceparent: plan.traceparent,
    deadline: new Date(now.getTime() + (step.timeoutMs ?? STEP_DEADLINE_MS)).toISOString(),
  };
  const delegation = newDelegation(delegated, now);
  if (!tooLong) return delegation;
  const message = `the input of ${task} is longer than ${MAX_RESOLVED_LENGTH} characters with what its references bring`;
  return finish(delegation, { success: false, error: { kind: 'too_large', message } }, now);
}
