import { app } from '@azure/functions';
import { createHealthCheck } from '../../shared/health/checkHealth.ts';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import { continueTrace } from '../../shared/platform/telemetry/trace.ts';
import type { AppDeps } from '../compose/compose.ts';

const EVERY_FIVE_MINUTES = '20 */5 * * * *';

/** Looks at the system on behalf of the tenant whose gateway this is, the first one, so that changes are noticed and logged. */
export function registerHealthSweep(deps: AppDeps): void {
  const [tenantId] = deps.config.tenants;
  if (tenantId === undefined) return;
  const health = createHealthCheck(deps);
  app.timer('health-sweep', {
    schedule: EVERY_FIVE_MINUTES,
    handler: async () => {
      await health.sweep(sweeper(tenantId));
    },
  });
}

/** Nobody's token is behind it: it may begin the look, and has no rights beyond that. */
const sweeper = (tenantId: string): Caller => ({
  principal: { tenantId, userId: 'health-sweep', kind: 'app', clientId: '', roles: [], expiresAt: 0 },
  trace: continueTrace(undefined),
});
