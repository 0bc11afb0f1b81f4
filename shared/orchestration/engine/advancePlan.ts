import { InfrastructureError } from '../../platform/base/errors.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { Delegation } from '../model/delegation.ts';
import { hasEnded, isOwnCheck, type Plan } from '../model/plan.ts';
import { planError, queuedWork, recordOutcome } from '../model/planProgress.ts';
import { delegateSteps } from './delegateSteps.ts';
import { publishDeploymentStatus } from './deploymentStatus.ts';
import type { OrchestrationDeps } from './deps.ts';

/**
 * Records an ended delegation in its plan and delegates the steps that follow. Returns the plan, or `undefined` for a delegation
 * without one. Idempotent: each repetition completes what an earlier one left undone. It retries when another instance changes
 * the plan meanwhile.
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

/** Delegates the queued steps of a plan, except those that `before` had queued: the call that queued them delegates them. */
export async function delegateQueued(plan: Plan, deps: OrchestrationDeps, before?: Plan): Promise<void> {
  const known = new Set(before && queuedWork(before).map(({ id }) => id));
  const queued = queuedWork(plan).filter(({ id }) => !known.has(id));
  for (const ended of await delegateSteps(plan, queued, deps)) await advancePlan(ended, deps);
}

/** Stores the next state of a plan, and handles its end. Returns false when another instance changed the plan first. */
export async function replacePlan(plan: Plan, etag: string, deps: OrchestrationDeps): Promise<boolean> {
  // Before the row is written: after a crash in between, nothing reads an ended plan again.
  if (hasEnded(plan)) await publishDeploymentStatus(plan, deps);
  if ((await deps.plans.replace(plan, etag)).status !== 'replaced') return false;
  if (hasEnded(plan)) await handlePlanEnd(plan, deps);
  return true;
}

/** Logs the end of a plan, appends an audit record and releases its share of the resource pools. */
async function handlePlanEnd(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  const { id, tenantId, name, state, requestedBy, allocationId, createdAt, finishedAt, traceparent } = plan;
  const { traceId } = continueTrace(traceparent);
  deps.log.info('plan_finished', { planId: id, plan: name, state, traceId });
  deps.audit.append({
    tenantId,
    actor: requestedBy,
    actorName: plan.actor?.name,
    action: 'plans.run',
    resource: `plans/${id}`,
    resourceName: name,
    decision: 'allowed',
    outcome: state === 'cancelled' ? 'cancelled' : (planError(plan)?.kind ?? 'succeeded'),
    durationMs: Date.parse(finishedAt ?? createdAt) - Date.parse(createdAt),
    traceId,
    ...(isOwnCheck(plan) && { ownCheck: true }),
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
 * Handles the outcome of a delegation: appends an audit record, advances its plan and dispatches the next of its backlog.
 * Does nothing for a delegation that has not ended.
 */
export async function handleOutcome(delegation: Delegation, deps: OrchestrationDeps): Promise<void> {
  const { tenantId, agent, task, requestedBy, outcome, createdAt, finishedAt, traceparent } = delegation;
  if (outcome === undefined) return;
  deps.audit.append({
    tenantId,
    actor: requestedBy ?? agent,
    actorName: delegation.actor?.name,
    action: 'delegations.run',
    resource: `agents/${agent}/tasks/${task}`,
    decision: 'allowed',
    outcome: outcome.success ? 'succeeded' : outcome.error.kind,
    durationMs: Date.parse(finishedAt ?? createdAt) - Date.parse(createdAt),
    traceId: continueTrace(traceparent).traceId,
    ...(isOwnCheck(delegation) && { ownCheck: true }),
  });
  await Promise.all([advancePlan(delegation, deps), deps.dispatcher.dispatchNext(delegation)]);
}
