import type { OrchestrationDeps } from './deps.ts';
import type { Plan } from '../model/plan.ts';
import { delegationIdOf, workIdsOf } from '../model/planProgress.ts';
import { logUnreadable } from './logUnreadable.ts';

/** Plans removed in one run: what a busy hour ends. */
const AT_MOST = 1_000;

/**
 * Removes what ended long ago (`expiresAt`), so that lists stay short: plans with all their delegations, then delegations
 * that had none. What came of them stays in the audit trail. A run that dies is carried on by the next one.
 */
export async function purgeEnded(deps: OrchestrationDeps): Promise<void> {
  const now = deps.clock.now();
  const report = logUnreadable(deps.log);
  let removed = 0;
  for await (const { value: plan, etag } of deps.plans.expired(now, report)) {
    await removeDelegations(plan, deps);
    await deps.plans.remove(plan, etag);
    if (++removed === AT_MOST) return;
  }
  for await (const { value, etag } of deps.delegations.expired(now, report)) {
    await deps.delegations.remove(value, etag);
    if (++removed === AT_MOST) return;
  }
}

async function removeDelegations(plan: Plan, { delegations }: OrchestrationDeps): Promise<void> {
  for (const workId of workIdsOf(plan)) {
    const stored = await delegations.find(plan.tenantId, delegationIdOf(plan, workId));
    // One that has not ended is still some agent's.
    if (stored?.value.outcome) await delegations.remove(stored.value, stored.etag);
  }
}
