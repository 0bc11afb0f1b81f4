import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from './deps.ts';
import { advancePlan } from './advancePlan.ts';
import type { Delegation } from '../model/delegation.ts';

/**
 * Records the outcome of a delegation in the audit trail and in its plan, and sends the next delegation of its waiting line.
 * Does nothing for a delegation that has not ended.
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
