import { MAX_PURGED } from '../model/limits.ts';
import type { Plan } from '../model/plan.ts';
import { delegationIdOf, workIdsOf } from '../model/planProgress.ts';
import type { OrchestrationDeps } from './deps.ts';
import { logUnreadable } from './logUnreadable.ts';

/**
 * Removes expired rows (`expiresAt`), so that lists stay short: plans with all their delegations, then delegations without a
 * plan. Their outcomes stay in the audit trail. After a crash, the next run goes on.
 */
export async function purgeEnded(deps: OrchestrationDeps): Promise<void> {
  const now = deps.clock.now();
  const report = logUnreadable(deps.log);
  let removed = 0;
  for await (const { value: plan, etag } of deps.plans.expired(now, report)) {
    await removeDelegations(plan, deps);
    await deps.plans.remove(plan, etag);
    if (++removed === MAX_PURGED) return;
  }
  for await (const { value, etag } of deps.delegations.expired(now, report)) {
    await deps.delegations.remove(value, etag);
    if (++removed === MAX_PURGED) return;
  }
}

async function removeDelegations(plan: Plan, { delegations }: OrchestrationDeps): Promise<void> {
  for (const workId of workIdsOf(plan)) {
    const stored = await delegations.find(plan.tenantId, delegationIdOf(plan, workId));
    // An agent may still run a delegation that has not ended.
    if (stored?.value.outcome) await delegations.remove(stored.value, stored.etag);
  }
}
