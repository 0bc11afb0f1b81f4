import type { Session } from '../../identity/sessions/sessionStore.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import { type Caller, actorOf, idFor } from '../model/caller.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { beginPlan } from '../engine/beginPlan.ts';
import { type PooledPlan, beginWithinPools } from '../engine/beginWithinPools.ts';
import { DEPLOYMENT_PLAN, HEALTH_PLAN, type NamedPlan, REPORT_PLAN } from './namedPlans.ts';
import type { Plan } from '../model/plan.ts';

type Begin = (
  plan: NamedPlan,
  session: Session | undefined,
  caller: Caller,
  deps: OrchestrationDeps,
) => Promise<Result<Plan>>;

/** The named plans that look at the whole system: they take no input, and their steps run as they stand. */
export const systemPlans: Readonly<Record<string, Begin>> = {
  // Health is asked for just when there is nothing left in the pools, so it takes nothing of them.
  [HEALTH_PLAN]: async ({ name, steps }, session, caller, deps) => {
    const { tenantId, userId: requestedBy } = caller.principal;
    const start = {
      id: idFor(caller, deps.newId),
      tenantId,
      name,
      requestedBy,
      actor: actorOf(caller, session),
      grantedBy: `plan ${name}`,
      ...(session && { sessionId: session.id }),
      traceparent: traceparentOf(caller.trace),
    };
    return succeed(await beginPlan(start, steps, deps));
  },
  [REPORT_PLAN]: pooled('system_report', () => ({})),
  [DEPLOYMENT_PLAN]: pooled('plan', ({ steps }) => ({ stepCount: steps.length })),
};

function pooled(
  operation: PooledPlan['operation'],
  estimatedLoad: (plan: NamedPlan) => PooledPlan['estimatedLoad'],
): Begin {
  return (plan, session, caller, deps) => {
    const { name, steps } = plan;
    const grantedBy = `plan ${name}`;
    const pooledPlan = {
      name,
      grantedBy,
      session,
      operation,
      estimatedLoad: estimatedLoad(plan),
      steps: () => steps,
    };
    return beginWithinPools(pooledPlan, caller, deps);
  };
}
