import { announce } from './announce.ts';
import { type Delegation, RESEND_AFTER_MS, logFieldsOf, sweep } from '../model/delegation.ts';
import { sendMessage } from './sendMessage.ts';
import type { OrchestrationDeps } from './deps.ts';
import { advancePlan, carryOn } from './advancePlan.ts';
import type { Plan } from '../model/plan.ts';
import { delegationIdOf, queuedWork } from '../model/planProgress.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { releaseOrphaned } from './releaseOrphaned.ts';
import { logUnreadable } from './logUnreadable.ts';

/**
 * Finds what a crash or an outage left behind, and moves it on: messages that were lost, outcomes that no plan recorded. A
 * fault at one row is logged, and the sweeper goes on with the others. @throws when the tables are away.
 */
export async function sweepStuck(deps: OrchestrationDeps): Promise<void> {
  const patience = new Date(deps.clock.now().getTime() - RESEND_AFTER_MS);
  const report = logUnreadable(deps.log);
  const waiting = await deps.queueShares.refill();
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
  else await announce(decision.delegation, deps);
}

async function sweepPlan(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  await carryOn(plan, deps);
  for (const { id } of queuedWork(plan)) {
    const delegation = await deps.delegations.find(plan.tenantId, delegationIdOf(plan, id));
    if (delegation?.value.outcome) await advancePlan(delegation.value, deps);
  }
}
