import { continueTrace } from '../../platform/trace.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { advancePlan } from '../plan/advancePlan.ts';
import type { Delegation } from './delegation.ts';

/**
 * Tells the audit trail and the plan, if it is of one, how a delegation has ended, and lets the next of its tenant take its
 * place at the queue. Nothing for one that goes on.
 */
export async function announce(delegation: Delegation, deps: OrchestrationDeps): Promise<void> {
  const { tenantId, agent, task, requestedBy, outcome, createdAt, finishedAt, traceparent } = delegation;
  if (outcome === undefined) return;
  deps.audit.append({
    tenantId,
    actor: requestedBy ?? agent,
    action: 'delegations.run',
    resource: `agents/${agent}/tasks/${task}`,
    decision: 'allowed',
    outcome: outcome.success ? 'succeeded' : outcome.error.kind,
    durationMs: Date.parse(finishedAt ?? createdAt) - Date.parse(createdAt),
    traceId: continueTrace(traceparent).traceId,
  });
  await Promise.all([advancePlan(delegation, deps), deps.queueShares.passOn(delegation)]);
}
