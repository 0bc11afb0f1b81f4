import { InfrastructureError } from '../../platform/base/errors.ts';
import { type Delegation, logFieldsOf, sweep } from '../model/delegation.ts';
import { RESEND_AFTER_MS } from '../model/limits.ts';
import { type Plan, hasEnded } from '../model/plan.ts';
import { delegationIdOf, queuedWork } from '../model/planProgress.ts';
import { advancePlan, delegateQueued, handleOutcome } from './advancePlan.ts';
import type { OrchestrationDeps } from './deps.ts';
import { logUnreadable } from './logUnreadable.ts';
import { sendMessage } from './sendMessage.ts';

/**
 * Finds what a crash or an outage left behind, and moves it on: messages that were lost, outcomes that no plan recorded. A
 * fault at one row is logged, and the sweeper goes on with the others. @throws when the tables are away.
 */
export async function sweepStuck(deps: OrchestrationDeps): Promise<void> {
  const patience = new Date(deps.clock.now().getTime() - RESEND_AFTER_MS);
  const report = logUnreadable(deps.log);
  const waiting = await deps.dispatcher.dispatchBacklog();
  for await (const { value, etag } of deps.delegations.unfinished(patience, report)) {
    // The message of one that waits in line is not lost: it was never sent.
    await passOver(value, deps, () => sweepDelegation(value, etag, waiting.has(value.id), deps));
  }
  for await (const { value: plan } of deps.plans.unfinished(patience, report)) {
    // What moves by itself is left alone.
    if (new Date(plan.updatedAt) >= patience) continue;
    await passOver(plan, deps, () => sweepPlan(plan, deps));
  }
  await releaseOrphaned(patience, deps);
}

async function passOver(
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
    log.error('allocation_release_failed', {}, error);
  }
}
