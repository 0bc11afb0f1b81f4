import { InfrastructureError } from '../../platform/base/errors.ts';
import type { OrchestrationDeps } from './deps.ts';
import { hasEnded } from '../model/plan.ts';

type Deps = Pick<OrchestrationDeps, 'plans' | 'pools' | 'log'>;

/**
 * Releases what has been held of the resource pools since before a moment for a plan that has ended, or that was never stored:
 * the process died in between, or the tables or the state did not answer. An outage is logged, and the next run tries again.
 */
export async function releaseOrphaned(since: Date, { plans, pools, log }: Deps): Promise<void> {
  try {
    for (const { id, tenantId, planId } of await pools.heldByPlans(since)) {
      const plan = (await plans.find(tenantId, planId))?.value;
      // A request that was repeated may have allocated twice for its plan.
      const isHeld = plan && !hasEnded(plan) && plan.allocationId === id;
      if (!isHeld) await pools.release(tenantId, id);
    }
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    log.error('allocation_unreleased', {}, error);
  }
}
