import { fail, succeed } from '../../shared/platform/base/result.ts';
import type { RegistrySync } from '../../shared/registry/sync/registrySync.ts';
import {
  sourceOf,
  type SyncBudget,
  type SyncDeps,
  syncRegistry,
  type UpstreamRegistry,
} from '../../shared/registry/sync/syncRegistry.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Call, Route } from '../http/route.ts';
import { privileged } from './privileged.ts';

/** Well within the time of a request, including the last page. */
const BUDGET: SyncBudget = { runMs: 15_000, pageMs: 10_000 };

export interface RegistrySyncDeps extends SyncDeps, Pick<AppDeps, 'audit'> {
  readonly upstreamRegistry: UpstreamRegistry | undefined;
}

/** Routes for the sync with another registry. They exist for the tenant that imports its servers. */
export function registrySyncRoutes(deps: RegistrySyncDeps): readonly Route<unknown>[] {
  /** Returns `undefined` for every other tenant. */
  const registryOf = ({ actor }: Call<unknown>): UpstreamRegistry | undefined =>
    deps.upstreamRegistry?.tenantId === actor.tenantId ? deps.upstreamRegistry : undefined;

  const run: Route = {
    name: 'registry-sync-run',
    method: 'POST',
    path: 'registry-sync/runs',
    permission: 'registrySync.run',
    async handle(call) {
      const upstream = registryOf(call);
      if (!upstream) return noRegistry;
      const synced = await syncRegistry(upstream, BUDGET, deps);
      return synced.ok ? succeed({ status: 200, body: view(upstream, synced.value) }) : synced;
    },
  };

  const last: Route = {
    name: 'registry-sync-last',
    method: 'GET',
    path: 'registry-sync',
    permission: 'registrySync.read',
    async handle(call) {
      const upstream = registryOf(call);
      if (!upstream) return noRegistry;
      const stored = await deps.syncs.find(upstream.tenantId);
      const body = stored
        ? view(upstream, stored.value)
        : { source: sourceOf(upstream), state: 'not_run' as const };
      return succeed({ status: 200, body });
    },
  };

  return [privileged(run, 'registry-sync.run', () => 'registry-sync', deps.audit), last];
}

const noRegistry = fail({ kind: 'not_found', message: 'this tenant imports no other registry' });

function view(upstream: UpstreamRegistry, { run, since, pass }: RegistrySync) {
  return {
    source: sourceOf(upstream),
    ...run,
    /** Where the next run begins. */
    next: { updatedSince: since, cursor: pass?.cursor },
  };
}
