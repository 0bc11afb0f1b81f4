import { InfrastructureError } from '../../platform/base/errors.ts';
import type { OrchestrationDeps } from './deps.ts';
import { raiseEvent } from './publishEvent.ts';
import { DEPLOYMENT_PLAN } from '../plans/namedPlans.ts';
import type { Plan } from '../model/plan.ts';
import { gateStatus } from '../model/gateStatus.ts';

const REMEMBER_MS = 30 * 24 * 3_600_000;

/** Where it is remembered how a gate's last run ended: `passed` or `failed`. */
export const gateStatusKey = (tenantId: string, gate: string): string => `mreg:gate:${tenantId}:${gate}`;

/**
 * Raises `deployment_status` when a run of a gate ended otherwise than the one before it, and whenever a plan of a
 * deployment ended. Nothing for other plans. While Redis is away, the result of the run before is unknown, and the event is raised.
 * @throws InfrastructureError when the tables are away: the plan must not end before the event is stored.
 */
export async function raiseDeploymentStatus(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  const { gate, name, state } = plan;
  if (gate !== undefined) await raiseGateChange(plan, gate, deps);
  else if (name === DEPLOYMENT_PLAN) await raise(plan, { plan: plan.id, name, status: state }, deps);
}

async function raiseGateChange(plan: Plan, gate: string, deps: OrchestrationDeps): Promise<void> {
  const { shortLived, log } = deps;
  const ifThere = <T>(asked: Promise<T>): Promise<T | undefined> =>
    asked.catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
      log.warn('gate_status_unknown', { gate, reason: error.message });
      return undefined;
    });
  const status = gateStatus(plan);
  const key = gateStatusKey(plan.tenantId, gate);
  const before = await ifThere(shortLived.get(key));
  if (before === status) return;
  await raise(plan, { gate, status, before: before ?? 'unknown', run: plan.id }, deps);
  await ifThere(shortLived.set(key, status, REMEMBER_MS));
}

async function raise(
  { id, tenantId, traceparent }: Plan,
  detail: Readonly<Record<string, unknown>>,
  deps: OrchestrationDeps,
): Promise<void> {
  const event = { id: `${id}-ended`, tenantId, type: 'deployment_status', detail, traceparent };
  await raiseEvent({ ...event, raisedBy: 'mcp-orchestrator' }, deps.eventRoutes, deps);
}
