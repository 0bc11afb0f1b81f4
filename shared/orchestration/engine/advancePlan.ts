import type { Delegation } from '../model/delegation.ts';
import type { OrchestrationDeps } from './deps.ts';
import { deliverWork } from './delegateSteps.ts';
import { type Plan, hasEnded } from '../model/plan.ts';
import { closePlan } from './closePlan.ts';
import { queuedWork, recordOutcome } from '../model/planProgress.ts';
import { raiseDeploymentStatus } from './deploymentStatus.ts';

/**
 * Records an ended delegation in its plan and sends what follows. Idempotent, and each repetition completes what an
 * earlier one left undone; a lost race is read and decided again. Returns the plan, if the delegation is of one.
 */
export async function advancePlan(
  delegation: Pick<Delegation, 'tenantId' | 'planId' | 'stepId' | 'outcome'>,
  deps: OrchestrationDeps,
): Promise<Plan | undefined> {
  const { tenantId, planId, stepId, outcome } = delegation;
  if (planId === undefined || stepId === undefined || outcome === undefined) return undefined;
  for (;;) {
    const stored = await deps.plans.find(tenantId, planId);
    if (!stored) return undefined;
    const before = stored.value;
    const plan = recordOutcome(before, stepId, outcome, deps.clock.now());
    if (plan !== before && !(await replacePlan(plan, stored.etag, deps))) continue;
    await carryOn(plan, deps, plan === before ? undefined : before);
    return plan;
  }
}

/** Delegates what a plan has queued; where it was queued already `before`, whoever queued it does, or its repetition. */
export async function carryOn(plan: Plan, deps: OrchestrationDeps, before?: Plan): Promise<void> {
  const known = new Set(before && queuedWork(before).map(({ id }) => id));
  const queued = queuedWork(plan).filter(({ id }) => !known.has(id));
  for (const ended of await deliverWork(plan, queued, deps)) await advancePlan(ended, deps);
}

/** Stores the next state of a plan, and makes its end known. False when another was first. */
export async function replacePlan(plan: Plan, etag: string, deps: OrchestrationDeps): Promise<boolean> {
  // Before the row says so: afterwards nobody would come back to it.
  if (hasEnded(plan)) await raiseDeploymentStatus(plan, deps);
  if ((await deps.plans.replace(plan, etag)).status !== 'replaced') return false;
  if (hasEnded(plan)) await closePlan(plan, deps);
  return true;
}
