import { InfrastructureError } from '../../platform/base/errors.ts';
import { LAST_STATUS_KEPT_MS } from '../model/limits.ts';
import { DEPLOYMENT_PLAN, gateStatus, type Plan } from '../model/plan.ts';
import type { OrchestrationDeps } from './deps.ts';
import { publishEvent } from './publishEvent.ts';

/** Returns the key of the status of a gate's last run: `passed` or `failed`. */
export const gateStatusKey = (tenantId: string, gate: string): string => `mreg:gate:${tenantId}:${gate}`;

/**
 * Publishes `deployment_status` when a gate's run ends with another status than the run before it, and whenever a deployment
 * plan ends. Other plans publish nothing. While Redis is down, the last status is unknown and the event is published.
 * @throws InfrastructureError while the tables are down: the plan must not end before the event is stored.
 */
export async function publishDeploymentStatus(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  const { gate, name, state } = plan;
  if (gate !== undefined) await publishGateChange(plan, gate, deps);
  else if (name === DEPLOYMENT_PLAN) await publish(plan, { plan: plan.id, name, status: state }, deps);
}

async function publishGateChange(plan: Plan, gate: string, deps: OrchestrationDeps): Promise<void> {
  const { shortLived, log } = deps;
  const orUndefined = <T>(asked: Promise<T>): Promise<T | undefined> =>
    asked.catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
      log.warn('gate_status_access_failed', { gate, reason: error.message });
      return undefined;
    });
  const status = gateStatus(plan);
  const key = gateStatusKey(plan.tenantId, gate);
  const before = await orUndefined(shortLived.get(key));
  if (before === status) return;
  await publish(plan, { gate, status, before: before ?? 'unknown', run: plan.id }, deps);
  await orUndefined(shortLived.set(key, status, LAST_STATUS_KEPT_MS));
}

async function publish(
  { id, tenantId, traceparent }: Plan,
  detail: Readonly<Record<string, unknown>>,
  deps: OrchestrationDeps,
): Promise<void> {
  const event = { id: `${id}-ended`, tenantId, type: 'deployment_status', detail, traceparent };
  await publishEvent({ ...event, raisedBy: 'mcp-orchestrator' }, deps.eventRoutes, deps);
}
