import type { PlanStore } from '../orchestration/model/stores.ts';
import { InfrastructureError } from '../platform/base/errors.ts';
import type { StateStore } from '../platform/state/stateStore.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { Component, Components } from './healthReport.ts';
import { withTimeout } from './withTimeout.ts';

/** Far more than a point read takes, and short for a caller who waits. */
const ANSWER_WITHIN_MS = 3_000;

/** Probes the stores of both apps from this instance, without an agent or a queue. */
export async function probeStores(
  tenantId: string,
  {
    plans,
    shortLived,
    log,
  }: { readonly plans: PlanStore; readonly shortLived: StateStore; readonly log: Log },
): Promise<Components> {
  const [tables, state] = await Promise.all([
    // A missing row: a point read like any other.
    probe('tables', () => plans.find(tenantId, '0-health'), log),
    probe('state_store', () => shortLived.get(`mreg:health:probe:${tenantId}`), log),
  ]);
  return { tables, state_store: state };
}

async function probe(component: string, read: () => Promise<unknown>, log: Log): Promise<Component> {
  const startedAt = performance.now();
  const outcome = await withTimeout(
    read().then(
      () => 'answered' as const,
      (error: unknown) => {
        if (!(error instanceof InfrastructureError)) throw error;
        log.error('health_check_failed', { component }, error);
        return 'failed' as const;
      },
    ),
    ANSWER_WITHIN_MS,
  );
  const durationMs = Math.round(performance.now() - startedAt);
  if (outcome === 'answered') return { status: 'healthy', durationMs };
  const error =
    outcome === 'failed'
      ? {
          kind: 'unavailable' as const,
          message: 'it cannot be reached, or refuses the connection: the log has the cause',
        }
      : {
          kind: 'timeout' as const,
          message: `it has not answered within ${ANSWER_WITHIN_MS / 1000} seconds`,
        };
  return { status: 'failed', durationMs, error };
}
