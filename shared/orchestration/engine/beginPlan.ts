import { type Result, succeed } from '../../platform/base/result.ts';
import type { Caller } from '../model/caller.ts';
import type { OrchestrationDeps } from './deps.ts';
import { carryOn } from './advancePlan.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import { type PlanStart, startPlan } from '../model/planProgress.ts';

/** Stores a new plan and delegates what can begin. Where its id is taken, by the same request made twice, that plan goes on. */
export async function beginPlan(
  start: PlanStart,
  steps: readonly StepDefinition[],
  deps: OrchestrationDeps,
): Promise<Plan> {
  const begun = await storePlan(start, steps, deps);
  await carryOn(begun, deps);
  return begun;
}

/** Stores a new plan without delegating its steps. Returns the stored plan, which an earlier sending may have made. */
export async function storePlan(
  start: PlanStart,
  steps: readonly StepDefinition[],
  deps: OrchestrationDeps,
): Promise<Plan> {
  const plan = startPlan(start, steps, deps.clock.now());
  const isNew = (await deps.plans.add(plan)) === 'inserted';
  const begun = isNew ? plan : ((await deps.plans.find(plan.tenantId, plan.id))?.value ?? plan);
  const { allocationId } = start;
  if (allocationId !== undefined && begun.allocationId !== allocationId)
    await deps.pools.release(start.tenantId, allocationId);
  return begun;
}

/** Returns the plan that an earlier sending of the same request began, if any, and delegates steps that it left undelegated. */
export async function resumePlan(
  { principal, requestId }: Caller,
  deps: OrchestrationDeps,
): Promise<Plan | undefined> {
  if (requestId === undefined) return undefined;
  const earlier = (await deps.plans.find(principal.tenantId, requestId))?.value;
  if (earlier) await carryOn(earlier, deps);
  return earlier;
}

/** Resumes the plan of an earlier sending of the same request, or begins it. A resumed plan is not checked again. */
export async function beginOnce(
  caller: Caller,
  deps: OrchestrationDeps,
  begin: () => Promise<Result<Plan>>,
): Promise<Result<Plan>> {
  const earlier = await resumePlan(caller, deps);
  return earlier ? succeed(earlier) : begin();
}
