import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { type Delegation, finish, type Outcome } from '../model/delegation.ts';
import type { Plan } from '../model/plan.ts';
import { cancel, delegationIdOf, queuedWork } from '../model/planProgress.ts';
import { delegateQueued, handleOutcome, replacePlan } from './advancePlan.ts';
import type { OrchestrationDeps } from './deps.ts';

/**
 * Cancels a plan: no step begins any more, queued and running steps are cancelled, and steps that succeeded are compensated.
 * A plan that is ending or has ended does not change. Failure: `not_found`.
 */
export async function cancelPlan(
  tenantId: string,
  id: string,
  deps: OrchestrationDeps,
): Promise<Result<Plan>> {
  for (;;) {
    const stored = await deps.plans.find(tenantId, id);
    if (!stored) return fail({ kind: 'not_found', message: `there is no plan "${id}"` });
    const plan = cancel(stored.value, deps.clock.now());
    if (plan !== stored.value && !(await replacePlan(plan, stored.etag, deps))) continue;
    await delegateQueued(plan, deps);
    if (plan.cancelled) await cancelSteps(plan, deps);
    return succeed((await deps.plans.find(tenantId, id))?.value ?? plan);
  }
}

/** Cancels the queued and running steps, each of which advances the plan. Compensations go on. */
async function cancelSteps(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  for (const { id, compensates } of queuedWork(plan)) {
    if (!compensates) await cancelDelegation(plan.tenantId, delegationIdOf(plan, id), deps);
  }
}

/**
 * Cancels a delegation: it does not start any more, and the result of an attempt that is still running is discarded.
 * A delegation that has ended does not change. Failure: `not_found`.
 */
export async function cancelDelegation(
  tenantId: string,
  id: string,
  deps: OrchestrationDeps,
): Promise<Result<Delegation>> {
  for (;;) {
    const stored = await deps.delegations.find(tenantId, id);
    if (!stored) return fail({ kind: 'not_found', message: `there is no delegation "${id}"` });
    if (stored.value.outcome) return succeed(stored.value);
    const outcome: Outcome = { success: false, error: { kind: 'cancelled', message: 'it was cancelled' } };
    const cancelled = finish(stored.value, outcome, deps.clock.now());
    if ((await deps.delegations.replace(cancelled, stored.etag)).status !== 'replaced') continue;
    deps.log.info('delegation_cancelled', { delegationId: id });
    await handleOutcome(cancelled, deps);
    return succeed(cancelled);
  }
}
