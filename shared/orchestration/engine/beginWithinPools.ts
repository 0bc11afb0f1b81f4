import type { Session } from '../../identity/sessions/sessionStore.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import { type Caller, actorOf, idFor } from '../model/caller.ts';
import type { OrchestrationDeps } from './deps.ts';
import type { OperationName } from '../pools/operations.ts';
import type { Allocation } from '../pools/resourcePools.ts';
import { beginPlan } from './beginPlan.ts';
import type { Plan, StepDefinition } from '../model/plan.ts';

export interface PooledPlan {
  readonly name: string;
  /** The quality gate that it is a run of. */
  readonly gate?: string;
  /** The plan or gate of the gateway that authorises its steps; absent for steps that the caller wrote. */
  readonly grantedBy?: string;
  readonly session?: Session | undefined;
  readonly operation: OperationName;
  readonly estimatedLoad: object;
  readonly steps: (allocation: Allocation['allocation']) => readonly StepDefinition[];
}

/** A plan that hangs gives back what it holds of the pools after this. */
const HOLD_MS = 3_600_000;

/** Begins a plan that holds a share of the resource pools until it ends. Failure: `exhausted`, before anything is stored. */
export async function beginWithinPools(
  { name, gate, grantedBy, session, operation, estimatedLoad, steps }: PooledPlan,
  caller: Caller,
  deps: OrchestrationDeps,
): Promise<Result<Plan>> {
  const { tenantId, userId } = caller.principal;
  const planId = idFor(caller, deps.newId);
  const request = {
    tenantId,
    app: 'management',
    operation,
    estimatedLoad,
    planId,
    holdForMs: HOLD_MS,
  } as const;
  const allocated = await deps.pools.allocate(request);
  if (!allocated.ok) return allocated;
  const { id: allocationId, allocation } = allocated.value;
  const start = {
    id: planId,
    tenantId,
    name,
    ...(gate !== undefined && { gate }),
    requestedBy: userId,
    actor: actorOf(caller, session),
    ...(grantedBy !== undefined && { grantedBy }),
    ...(session && { sessionId: session.id }),
    allocationId,
    traceparent: traceparentOf(caller.trace),
  };
  return succeed(await beginPlan(start, steps(allocation), deps));
}
