import type { OnUnreadable } from '../platform/tables.ts';
import { advancePlan } from './plan/advancePlan.ts';
import { logFieldsOf, RESEND_AFTER_MS, sweep } from './delegation/delegation.ts';
import { sendMessage } from './delegation/sendMessage.ts';
import { deliverSteps } from './plan/deliverSteps.ts';
import type { OrchestrationDeps } from './deps.ts';
import { delegationIdOf, queuedSteps } from './plan/plan.ts';

/** Finds what a crash or an outage left behind, and moves it on: messages that were lost, outcomes that no plan heard of. */
export async function sweepStuck(deps: OrchestrationDeps): Promise<void> {
  const now = deps.clock.now();
  const patience = new Date(now.getTime() - RESEND_AFTER_MS);
  const report: OnUnreadable = ({ partition, row }, error) => {
    deps.log.error('row_unreadable', { partition, row }, error);
  };
  for await (const { value, etag } of deps.delegations.unfinishedSentBefore(patience, report)) {
    const decision = sweep(value, now);
    if (decision.kind === 'leave') continue;
    if ((await deps.delegations.replace(decision.delegation, etag)) !== 'replaced') continue;
    deps.log.warn('delegation_swept', { ...logFieldsOf(value), decision: decision.kind });
    if (decision.kind === 'resend') await sendMessage(decision.delegation, deps);
    else await advancePlan(decision.delegation, deps);
  }
  for await (const { value: plan } of deps.plans.runningUnchangedSince(patience, report)) {
    await deliverSteps(plan, deps);
    for (const step of queuedSteps(plan)) {
      const delegation = await deps.delegations.find(plan.tenantId, delegationIdOf(plan, step));
      if (delegation?.value.outcome) await advancePlan(delegation.value, deps);
    }
  }
}
