import type { Session } from '../../identity/sessions/sessionStore.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import { actorOf, type Caller, idFor } from '../model/caller.ts';
import { PLAN_HOLD_MS } from '../model/limits.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';
import { type PlanStart, startPlan } from '../model/planProgress.ts';
import type { OperationName } from '../pools/operations.ts';
import type { Allocation } from '../pools/resourcePools.ts';
import { delegateQueued } from './advancePlan.ts';
import type { OrchestrationDeps } from './deps.ts';

/** What a plan is, apart from its steps and its caller. */
export interface PlanHead {
  readonly name: string;
  /** The quality gate that it is a run of. */
  readonly gate?: string | undefined;
  /** The plan or gate of the gateway that authorises its steps; absent for steps that the caller wrote. */
  readonly grantedBy?: string;
  readonly session?: Session | undefined;
}

/** Returns a plan of the caller that is not stored yet. */
export function planStart(
  { name, gate, grantedBy, session }: PlanHead,
  caller: Caller,
  id: string,
): PlanStart {
  const { tenantId, userId } = caller.actor;
  return {
    id,
    tenantId,
    name,
    ...(gate !== undefined && { gate }),
    requestedBy: userId,
    actor: actorOf(caller, session),
    ...(grantedBy !== undefined && { grantedBy }),
    ...(session && { sessionId: session.id }),
    traceparent: traceparentOf(caller.trace),
  };
}

/** Stores a new plan and delegates the steps that can begin. If the same request has stored one already, that plan goes on. */
export async function beginPlan(
  start: PlanStart,
  steps: readonly StepDefinition[],
  deps: OrchestrationDeps,
): Promise<Plan> {
  const begun = await storePlan(start, steps, deps);
  await delegateQueued(begun, deps);
  return begun;
}

export interface PooledPlan extends PlanHead {
  readonly operation: OperationName;
  readonly estimatedLoad: object;
  readonly steps: (allocation: Allocation['allocation']) => readonly StepDefinition[];
}

/** Begins a plan that holds a share of the resource pools until it ends. Failure: `exhausted`, before anything is stored. */
export async function beginPooledPlan(
  { operation, estimatedLoad, steps, ...head }: PooledPlan,
  caller: Caller,
  deps: OrchestrationDeps,
): Promise<Result<Plan>> {
  const start = planStart(head, caller, idFor(caller, deps.newId));
  const { id: planId, tenantId } = start;
  const holder = { tenantId, app: 'management', planId, holdForMs: PLAN_HOLD_MS } as const;
  const allocated = await deps.pools.allocate({ ...holder, operation, estimatedLoad });
  if (!allocated.ok) return allocated;
  const { id: allocationId, allocation } = allocated.value;
  return succeed(await beginPlan({ ...start, allocationId }, steps(allocation), deps));
}

/** Stores a new plan without delegating its steps. Returns the stored plan, which an earlier sending may have stored. */
export async function storePlan(
  start: PlanStart,
  steps: readonly StepDefinition[],
  deps: OrchestrationDeps,
): Promise<Plan> {
  const plan = startPlan(start, steps, deps.clock.now());
  const isNew = (await deps.plans.add(plan)) === 'inserted';
  const begun = isNew ? plan : ((await deps.plans.find(plan.tenantId, plan.id))?.value ?? plan);
  const { allocationId } = start;
  if (allocationId !== undefined && begun.allocationId !== allocationId)
    await deps.pools.release(start.tenantId, allocationId);
  return begun;
}

/** Returns the plan that an earlier sending of the same request began, if any, and delegates steps that it left undelegated. */
export async function resumePlan(
  { actor, requestId }: Caller,
  deps: OrchestrationDeps,
): Promise<Plan | undefined> {
  if (requestId === undefined) return undefined;
  const earlier = (await deps.plans.find(actor.tenantId, requestId))?.value;
  if (earlier) await delegateQueued(earlier, deps);
  return earlier;
}

/** Resumes the plan of an earlier sending of the same request, or begins it. A resumed plan is not checked again. */
export async function beginOnce(
  caller: Caller,
  deps: OrchestrationDeps,
  begin: () => Promise<Result<Plan>>,
): Promise<Result<Plan>> {
  const earlier = await resumePlan(caller, deps);
  return earlier ? succeed(earlier) : begin();
}
