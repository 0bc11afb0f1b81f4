import { type Delegation, logFieldsOf } from '../delegation/delegation.ts';
import { deliverSteps } from './deliverSteps.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { recordOutcome } from './plan.ts';

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
    if (plan !== stored.value) {
      if ((await deps.plans.replace(plan, stored.etag)) === 'conflict') continue;
      if (plan.state !== 'running')
        deps.log.info('plan_finished', {
          ...logFieldsOf(delegation),
          planId,
          plan: plan.name,
          state: plan.state,
        });
    }
    await deliverSteps(plan, deps);
    return;
  }
}
