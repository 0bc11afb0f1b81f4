import { InfrastructureError } from '../../platform/base/errors.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { Plan } from '../model/plan.ts';
import { planError } from '../model/planProgress.ts';

/** What follows when a plan has ended: what it held of the pools is free, and the audit trail knows. */
export async function closePlan(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  const { id, tenantId, name, state, requestedBy, allocationId, createdAt, finishedAt, traceparent } = plan;
  const { traceId } = continueTrace(traceparent);
  deps.log.info('plan_finished', { planId: id, plan: name, state, traceId });
  deps.audit.append({
    tenantId,
    actor: requestedBy,
    action: 'plans.run',
    resource: `plans/${id}`,
    decision: 'allowed',
    outcome: state === 'cancelled' ? 'cancelled' : (planError(plan)?.kind ?? 'succeeded'),
    durationMs: Date.parse(finishedAt ?? createdAt) - Date.parse(createdAt),
    traceId,
  });
  if (allocationId === undefined) return;
  try {
    await deps.pools.release(tenantId, allocationId);
  } catch (error) {
    // The sweeper releases it.
    if (!(error instanceof InfrastructureError)) throw error;
    deps.log.error('allocation_unreleased', { planId: id, allocationId }, error);
  }
}
