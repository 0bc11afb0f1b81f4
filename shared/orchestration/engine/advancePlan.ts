import { InfrastructureError } from '../../platform/base/errors.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { Delegation } from '../model/delegation.ts';
import { type Plan, hasEnded } from '../model/plan.ts';
import { planError, queuedWork, recordOutcome } from '../model/planProgress.ts';
import { delegateSteps } from './delegateSteps.ts';
import { publishDeploymentStatus } from './deploymentStatus.ts';
import type { OrchestrationDeps } from './deps.ts';

/**
 * Records an ended delegation in its plan and sends what follows. Idempotent, and each repetition completes what an
 * earlier one left undone; a lost race is read and decided again. Returns the plan, if the delegation is of one.
 */
export async function advancePlan(
  delegation: Pick<Delegation, 'tenantId' | 'planId' | 'stepId' | 'outcome'>,
  deps: OrchestrationDeps,
): Promise<Plan | undefined> {
  const { tenantId, planId, stepId, outcome } = delegation;
  if (planId === undefined || stepId === undefined || outcome === undefined) return undefined;
  for (;;) {
    const stored = await deps.plans.find(tenantId, planId);
    if (!stored) return undefined;
    const before = stored.value;
    const plan = recordOutcome(before, stepId, outcome, deps.clock.now());
    if (plan !== before && !(await replacePlan(plan, stored.etag, deps))) continue;
    await delegateQueued(plan, deps, plan === before ? undefined : before);
    return plan;
  }
}

/** Delegates what a plan has queued; where it was queued already `before`, whoever queued it does, or its repetition. */
export async function delegateQueued(plan: Plan, deps: OrchestrationDeps, before?: Plan): Promise<void> {
  const known = new Set(before && queuedWork(before).map(({ id }) => id));
  const queued = queuedWork(plan).filter(({ id }) => !known.has(id));
  for (const ended of await delegateSteps(plan, queued, deps)) await advancePlan(ended, deps);
}

/** Stores the next state of a plan, and makes its end known. False when another was first. */
export async function replacePlan(plan: Plan, etag: string, deps: OrchestrationDeps): Promise<boolean> {
  // Before the row says so: afterwards nobody would come back to it.
  if (hasEnded(plan)) await publishDeploymentStatus(plan, deps);
  if ((await deps.plans.replace(plan, etag)).status !== 'replaced') return false;
  if (hasEnded(plan)) await handlePlanEnd(plan, deps);
  return true;
}

/** What follows when a plan has ended: what it held of the pools is free, and the audit trail knows. */
export async function handlePlanEnd(plan: Plan, deps: OrchestrationDeps): Promise<void> {
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
    deps.log.error('allocation_release_failed', { planId: id, allocationId }, error);
  }
}

/**
 * Records the outcome of a delegation in the audit trail and in its plan, and sends the next delegation of its waiting line.
 * Does nothing for a delegation that has not ended.
 */
export async function handleOutcome(delegation: Delegation, deps: OrchestrationDeps): Promise<void> {
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
  await Promise.all([advancePlan(delegation, deps), deps.dispatcher.dispatchNext(delegation)]);
}
