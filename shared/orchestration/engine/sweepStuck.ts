import { InfrastructureError } from '../../platform/base/errors.ts';
import { type Delegation, logFieldsOf, sweep } from '../model/delegation.ts';
import { RESEND_AFTER_MS } from '../model/limits.ts';
import { hasEnded, type Plan } from '../model/plan.ts';
import { delegationIdOf, queuedWork } from '../model/planProgress.ts';
import { advancePlan, delegateQueued, handleOutcome } from './advancePlan.ts';
import type { OrchestrationDeps } from './deps.ts';
import { logUnreadable } from './logUnreadable.ts';
import { sendMessage } from './message.ts';

/**
 * Repairs what a crash or an outage left behind: sends lost messages again, records outcomes that their plans lack, ends overdue
 * delegations and releases orphaned allocations. It logs a fault at one row and goes on with the others. @throws while the
 * tables are down.
 */
export async function sweepStuck(deps: OrchestrationDeps): Promise<void> {
  const stuckSince = new Date(deps.clock.now().getTime() - RESEND_AFTER_MS);
  const report = logUnreadable(deps.log);
  const waiting = await deps.dispatcher.dispatchBacklog();
  for await (const { value, etag } of deps.delegations.unfinished(stuckSince, report)) {
    // The message of a delegation in the backlog is not lost: it was never sent.
    await logFaults(value, deps, () => sweepDelegation(value, etag, waiting.has(value.id), deps));
  }
  for await (const { value: plan } of deps.plans.unfinished(stuckSince, report)) {
    // A plan that changed a moment ago is not stuck.
    if (new Date(plan.updatedAt) >= stuckSince) continue;
    await logFaults(plan, deps, () => sweepPlan(plan, deps));
  }
  await releaseOrphaned(stuckSince, deps);
}

async function logFaults(
  { tenantId, id }: { readonly tenantId: string; readonly id: string },
  { log }: OrchestrationDeps,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof InfrastructureError) throw error;
    log.error('sweep_failed', { tenantId, row: id }, error);
  }
}

async function sweepDelegation(
  row: Delegation,
  etag: string,
  isWaiting: boolean,
  deps: OrchestrationDeps,
): Promise<void> {
  const decision = sweep(row, deps.clock.now());
  if (decision.kind === 'leave' || (decision.kind === 'resend' && isWaiting)) return;
  if ((await deps.delegations.replace(decision.delegation, etag)).status !== 'replaced') return;
  deps.log.warn('delegation_swept', { ...logFieldsOf(row), decision: decision.kind });
  if (decision.kind === 'resend') await sendMessage(decision.delegation, deps);
  else await handleOutcome(decision.delegation, deps);
}

async function sweepPlan(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  await delegateQueued(plan, deps);
  for (const { id } of queuedWork(plan)) {
    const delegation = await deps.delegations.find(plan.tenantId, delegationIdOf(plan, id));
    if (delegation?.value.outcome) await advancePlan(delegation.value, deps);
  }
}

type Deps = Pick<OrchestrationDeps, 'plans' | 'pools' | 'log'>;

/**
 * Releases allocations, older than a moment, of plans that have ended or were never stored: after a crash or an outage between
 * the two. It logs an outage, and the next run tries again.
 */
async function releaseOrphaned(since: Date, { plans, pools, log }: Deps): Promise<void> {
  try {
    for (const { id, tenantId, planId } of await pools.heldByPlans(since)) {
      const plan = (await plans.find(tenantId, planId))?.value;
      // A repeated request may have allocated twice for its plan.
      const isHeld = plan && !hasEnded(plan) && plan.allocationId === id;
      if (!isHeld) await pools.release(tenantId, id);
    }
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    log.error('allocation_release_failed', {}, error);
  }
}
