import { InfrastructureError } from '../../platform/errors.ts';
import type { OrchestrationDeps } from '../deps.ts';
import { raiseEvent } from '../event/raiseEvent.ts';
import type { Plan } from '../plan/plan.ts';
import { gateStatus } from './gateStatus.ts';

const REMEMBER_MS = 30 * 24 * 3_600_000;

/** Raises `deployment_status` when a run of a gate ended otherwise than the one before it. Nothing for other plans. */
export async function raiseGateChange(plan: Plan, deps: OrchestrationDeps): Promise<void> {
  const { id, tenantId, gate, traceparent } = plan;
  if (gate === undefined) return;
  const status = gateStatus(plan);
  const key = `mreg:gate:${tenantId}:${gate}`;
  try {
    const before = await deps.shortLived.get(key);
    if (before === status) return;
    const detail = { gate, status, before: before ?? 'unknown', run: id };
    const event = { id: `${id}-ended`, tenantId, type: 'deployment_status', detail, traceparent };
    await raiseEvent({ ...event, raisedBy: 'mcp-orchestrator' }, deps.eventRoutes, deps);
    await deps.shortLived.set(key, status, REMEMBER_MS);
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    deps.log.error('event_unraised', { type: 'deployment_status', subject: gate }, error);
  }
}
