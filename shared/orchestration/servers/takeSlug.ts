import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import { hasEnded } from '../model/plan.ts';
import type { PlanStore } from '../model/stores.ts';

export interface SlugDeps {
  readonly servers: Pick<ServerStore, 'find' | 'add' | 'replace'>;
  readonly plans: Pick<PlanStore, 'find'>;
}

/**
 * Stores the pending record of a registration. Idempotent: a record of the same plan is returned as it is. Failure:
 * `already_exists`, where the slug belongs to a server or to a registration that goes on.
 */
export async function takeSlug(record: ServerRecord, deps: SlugDeps): Promise<Result<ServerRecord>> {
  for (;;) {
    const stored = await deps.servers.find(record.tenantId, record.slug);
    if (!stored) {
      if ((await deps.servers.add(record)) === 'inserted') return succeed(record);
      continue;
    }
    const free = await checkSlug(record, stored.value, deps);
    if (!free.ok) return free;
    if (stored.value.planId === record.planId) return succeed(stored.value);
    if ((await deps.servers.replace(record, stored.etag)).status === 'replaced') return succeed(record);
  }
}

/** Checks that a registration may take the slug of a record. Failure: `already_exists`. */
export async function checkSlug(
  { planId }: Pick<ServerRecord, 'planId'>,
  existing: ServerRecord | undefined,
  { plans }: Pick<SlugDeps, 'plans'>,
): Promise<Result<void>> {
  if (!existing || existing.planId === planId || existing.status === 'rejected') return succeed(undefined);
  const { tenantId, slug, status } = existing;
  if (status === 'pending') {
    const plan = (await plans.find(tenantId, existing.planId))?.value;
    if (!plan || hasEnded(plan)) return succeed(undefined);
  }
  const message = `a server with the slug "${slug}" is registered already: choose another slug, or delete that server first`;
  return fail({ kind: 'already_exists', message, errors: [{ path: 'slug', message: 'is taken' }] });
}
