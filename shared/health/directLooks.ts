import type { PlanStore } from '../orchestration/model/stores.ts';
import { InfrastructureError } from '../platform/base/errors.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { StateStore } from '../platform/state/stateStore.ts';
import type { Component, Components } from './healthReport.ts';
import { inTime } from './inTime.ts';

/** Far more than a point read takes, and little for somebody who waits. */
const ANSWER_WITHIN_MS = 3_000;

/** What the instance that is asked sees for itself of what both apps stand on, without an agent or a queue. */
export async function directLooks(
  tenantId: string,
  {
    plans,
    shortLived,
    log,
  }: { readonly plans: PlanStore; readonly shortLived: StateStore; readonly log: Log },
): Promise<Components> {
  const [tables, state] = await Promise.all([
    // A row that there is not: a point read like any other.
    look('tables', () => plans.find(tenantId, '0-health'), log),
    look('state_store', () => shortLived.get(`mreg:health:look:${tenantId}`), log),
  ]);
  return { tables, state_store: state };
}

async function look(component: string, read: () => Promise<unknown>, log: Log): Promise<Component> {
  const startedAt = performance.now();
  const done = await inTime(
    read().then(
      () => 'answered' as const,
      (error: unknown) => {
        if (!(error instanceof InfrastructureError)) throw error;
        log.error('health_look_failed', { component }, error);
        return 'refused' as const;
      },
    ),
    ANSWER_WITHIN_MS,
  );
  const durationMs = Math.round(performance.now() - startedAt);
  if (done === 'answered') return { status: 'healthy', durationMs };
  const error =
    done === 'refused'
      ? { kind: 'unavailable' as const, message: 'it cannot be reached, or refuses: the log has the cause' }
      : {
          kind: 'timeout' as const,
          message: `it has not answered within ${ANSWER_WITHIN_MS / 1000} seconds`,
        };
  return { status: 'failed', durationMs, error };
}
