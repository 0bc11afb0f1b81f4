import type { Delegation } from '../delegation/delegation.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { deliverWork } from './deliverWork.ts';
import { type Plan, hasEnded } from './plan.ts';
import { closePlan } from './closePlan.ts';
import { recordOutcome } from './planProgress.ts';
import { raiseDeploymentStatus } from '../gate/raiseDeploymentStatus.ts';

/**
 * Records an ended delegation in its plan and sends what follows. Idempotent, and each repetition completes what an
 * earlier one left undone; a lost race is read and decided again.
 */
export async function advancePlan(delegation: Delegation, deps: OrchestrationDeps): Promise<void> {
  const { tenantId, planId, stepId, outcome } = delegation;
  if (planId === undefined || stepId === undefined || outcome === undefined) return;
  for (;;) {
    const stored = await deps.plans.find(tenantId, planId);
    if (!stored) return;
    const plan = recordOutcome(stored.value, stepId, outcome, deps.clock.now());
    if (plan !== stored.value && !(await replacePlan(plan, stored.etag, deps))) continue;
    await carryOn(plan, deps);
    return;
  }
}

/** Delegates what a plan has queued. */
export async function carryOn(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  for (const ended of await deliverWork(plan, deps)) await advancePlan(ended, deps);
}

/** Stores the next state of a plan, and makes its end known. False when another was first. */
export async function replacePlan(plan: Plan, etag: string, deps: OrchestrationDeps): Promise<boolean> {
  // Before the row says so: afterwards nobody would come back to it.
  if (hasEnded(plan)) await raiseDeploymentStatus(plan, deps);
  if ((await deps.plans.replace(plan, etag)).status !== 'replaced') return false;
  if (hasEnded(plan)) await closePlan(plan, deps);
  return true;
}
