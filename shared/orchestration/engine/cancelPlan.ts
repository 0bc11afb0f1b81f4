import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { cancelDelegation } from './cancelDelegation.ts';
import type { OrchestrationDeps } from './deps.ts';
import { carryOn, replacePlan } from './advancePlan.ts';
import type { Plan } from '../model/plan.ts';
import { cancel, delegationIdOf, queuedWork } from '../model/planProgress.ts';

/**
 * Ends a plan that has not ended: nothing new begins, what is queued or runs is cancelled, and what succeeded is
 * compensated. One that is ending or has ended stays as it is. Failure: `not_found`.
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
    await carryOn(plan, deps);
    if (plan.cancelled) await cancelSteps(plan, deps);
    return succeed((await deps.plans.find(tenantId, id))?.value ?? plan);
  }
}

/** Each tells the plan that it has ended. Compensations are left to run. */
async function cancelSteps(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  for (const { id, compensates } of queuedWork(plan)) {
    if (!compensates) await cancelDelegation(plan.tenantId, delegationIdOf(plan, id), deps);
  }
}
