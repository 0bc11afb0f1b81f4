import { fitsRow } from '../../platform/tables/tableDocument.ts';
import { type Delegation, finish, newDelegation, type Outcome } from '../model/delegation.ts';
import { RESOLVED_RESERVE, STEP_DEADLINE_MS } from '../model/limits.ts';
import type { Plan } from '../model/plan.ts';
import { delegationIdOf, planError, type QueuedWork } from '../model/planProgress.ts';
import { referencesAt, resolveReferences, writtenReferences } from '../model/references.ts';
import type { OrchestrationDeps } from './deps.ts';
import { submitDelegation } from './message.ts';

/**
 * Submits the delegations of queued steps and compensations. Idempotent: existing delegations do not change. Returns those that
 * failed as they were created, which the plan has yet to record.
 */
export async function delegateSteps(
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
  await Promise.all(made.map((delegation) => submitDelegation(delegation, deps)));
  return made.filter(({ outcome }) => outcome);
}

/** Returns the outcomes of steps by their ids, without those that have not ended. */
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

/** Returns a new delegation. It has failed already if its resolved input is longer than a row holds. */
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
  const tooLong = !fitsRow(JSON.stringify(resolved ?? null), RESOLVED_RESERVE);
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
  const message = `the input of ${task} is longer than a row holds once its references are resolved`;
  return finish(delegation, { success: false, error: { kind: 'too_large', message } }, now);
}
