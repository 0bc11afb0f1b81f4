import { createHealthCheck } from '../../shared/health/checkHealth.ts';
import { purgeEnded } from '../../shared/orchestration/engine/purgeEnded.ts';
import { sweepStuck } from '../../shared/orchestration/engine/sweepStuck.ts';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import { continueTrace } from '../../shared/platform/telemetry/trace.ts';
import {
  type SyncBudget,
  syncRegistry,
  type UpstreamRegistry,
} from '../../shared/registry/sync/syncRegistry.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Timer } from './register.ts';

/** The timers of the management app. Their seconds and minutes differ, so that they do not all start together. */
export function managementTimers(deps: AppDeps): readonly Timer[] {
  const { state, clock, idempotencyKeys, upstreamRegistry } = deps;
  const [operatorTenant] = deps.config.tenants;
  const health = createHealthCheck(deps);
  return [
    // Repairs what a crash or an outage left behind.
    { name: 'sweeper', schedule: '*/30 * * * * *', run: () => sweepStuck(deps) },
    // Removes expired state, which tables keep otherwise.
    { name: 'state-purge', schedule: '0 17 * * * *', run: () => state.purge(clock.now()) },
    // Removes plans and delegations that ended long ago, and expired idempotency keys, grants and registered clients.
    {
      name: 'history-purge',
      schedule: '0 47 * * * *',
      run: async () => {
        await idempotencyKeys.purge(clock.now());
        await deps.broker?.grants.purge(clock.now());
        await deps.broker?.registeredClients.purge(clock.now());
        await purgeEnded(deps);
      },
    },
    // Checks the health of the system, so that changes are noticed and logged.
    ...(operatorTenant === undefined
      ? []
      : [
          {
            name: 'health-sweep',
            schedule: '20 */5 * * * *',
            run: () => health.sweep(healthSweeper(operatorTenant)),
          },
        ]),
    // Synchronises the servers of the upstream registry, if there is one.
    ...(upstreamRegistry
      ? [
          {
            name: 'registry-sync',
            schedule: '0 */15 * * * *',
            run: () => syncUpstream(upstreamRegistry, deps),
          },
        ]
      : []),
  ];
}

/** Returns the caller of the health sweep. It has no token and no roles: it may begin the health check and nothing else. */
const healthSweeper = (tenantId: string): Caller => ({
  actor: { tenantId, userId: 'health-sweep', kind: 'app', clientId: '', roles: [], expiresAt: 0 },
  trace: continueTrace(undefined),
});

/** Ends within the time limit of a function, and before the next run. */
const SYNC_BUDGET: SyncBudget = { runMs: 300_000, pageMs: 60_000 };

async function syncUpstream(registry: UpstreamRegistry, deps: AppDeps): Promise<void> {
  const startedAt = performance.now();
  const synced = await syncRegistry(registry, SYNC_BUDGET, deps);
  // Another instance is running a synchronisation, and records it.
  if (!synced.ok) return;
  const { published, updated, error } = synced.value.run;
  if (published + updated === 0 && !error) return;
  deps.audit.append({
    tenantId: registry.tenantId,
    actor: 'registry-sync',
    action: 'registry-sync.run',
    resource: 'registry-sync',
    decision: 'allowed',
    outcome: error?.kind ?? 'succeeded',
    durationMs: performance.now() - startedAt,
    traceId: '',
  });
}
