import { app } from '@azure/functions';
import { type SyncBudget, syncRegistry } from '../../shared/registry/sync/syncRegistry.ts';
import type { AppDeps } from '../compose/compose.ts';

const EVERY_QUARTER_HOUR = '0 */15 * * * *';

/** Within the time of a function and that until the next run. */
const BUDGET: SyncBudget = { runMs: 300_000, pageMs: 60_000 };

/** Takes over what changed in the upstream registry, where there is one. */
export function registerRegistrySync(deps: AppDeps): void {
  const { upstreamRegistry } = deps;
  if (!upstreamRegistry) return;
  app.timer('registry-sync', {
    schedule: EVERY_QUARTER_HOUR,
    handler: async () => {
      const startedAt = performance.now();
      const synced = await syncRegistry(upstreamRegistry, BUDGET, deps);
      // One that is under way elsewhere is told of there.
      if (!synced.ok) return;
      const { published, updated, error } = synced.value.run;
      if (published + updated === 0 && !error) return;
      deps.audit.append({
        tenantId: upstreamRegistry.tenantId,
        actor: 'registry-sync',
        action: 'registry-sync.run',
        resource: 'registry-sync',
        decision: 'allowed',
        outcome: error?.kind ?? 'succeeded',
        durationMs: performance.now() - startedAt,
        traceId: '',
      });
    },
  });
}
