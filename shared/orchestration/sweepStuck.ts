import { announce } from './delegation/announce.ts';
import { RESEND_AFTER_MS, logFieldsOf, sweep } from './delegation/delegation.ts';
import { sendMessage } from './delegation/sendMessage.ts';
import type { OrchestrationDeps } from './deps.ts';
import { advancePlan, carryOn } from './plan/advancePlan.ts';
import { delegationIdOf, queuedWork } from './plan/planProgress.ts';
import { logUnreadable } from './unreadable.ts';

/** Finds what a crash or an outage left behind, and moves it on: messages that were lost, outcomes that no plan heard of. */
export async function sweepStuck(deps: OrchestrationDeps): Promise<void> {
  const now = deps.clock.now();
  const patience = new Date(now.getTime() - RESEND_AFTER_MS);
  const report = logUnreadable(deps.log);
  const waiting = await deps.queueShares.refill();
  for await (const { value, etag } of deps.delegations.unfinished(patience, report)) {
    const decision = sweep(value, now);
    // The message of one that waits in line is not lost: it was never sent.
    const isInLine = decision.kind === 'resend' && waiting.has(value.id);
    if (decision.kind === 'leave' || isInLine) continue;
    if ((await deps.delegations.replace(decision.delegation, etag)).status !== 'replaced') continue;
    deps.log.warn('delegation_swept', { ...logFieldsOf(value), decision: decision.kind });
    if (decision.kind === 'resend') await sendMessage(decision.delegation, deps);
    else await announce(decision.delegation, deps);
  }
  for await (const { value: plan } of deps.plans.unfinished(patience, report)) {
    // What moves by itself is left alone.
    if (new Date(plan.updatedAt) >= patience) continue;
    await carryOn(plan, deps);
    for (const { id } of queuedWork(plan)) {
      const delegation = await deps.delegations.find(plan.tenantId, delegationIdOf(plan, id));
      if (delegation?.value.outcome) await advancePlan(delegation.value, deps);
    }
  }
}
