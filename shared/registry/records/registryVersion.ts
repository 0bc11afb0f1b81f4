import type { IdSource } from '../../platform/base/ids.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Replacement } from '../../platform/tables/tables.ts';
import { REGISTRY_VERSION_TTL_MS } from '../limits.ts';

const keyOf = (tenantId: string): string => `mreg:registry:${tenantId}`;

/** Returns the version of a tenant's registry. While it stays the same, no record has changed. `undefined`: unknown. */
export async function registryVersion(
  state: StateStore,
  tenantId: string,
  newId: IdSource,
): Promise<string | undefined> {
  const key = keyOf(tenantId);
  const known = await state.get(key);
  if (known !== undefined) return known;
  // The version has expired, since nothing changed for long: begin a new one.
  const begun = newId();
  const stored = await state.compareAndSet(key, undefined, begun, REGISTRY_VERSION_TTL_MS);
  return stored === 'stored' ? begun : state.get(key);
}

type OfTenant = { readonly tenantId: string };

/** The changes that a store of servers and a store of toolsets have in common. */
interface RecordStore {
  add(record: OfTenant): Promise<'inserted' | 'exists'>;
  replace(record: OfTenant, etag: string): Promise<Replacement>;
  remove(record: OfTenant, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
}

/**
 * Returns the store with changes that set a new version of the registry, so that all instances invalidate their caches. The
 * change comes first: a reader that reads the version before the records never caches old records under a new version.
 */
export function versionedStore<S extends RecordStore>(store: S, state: StateStore, newId: IdSource): S {
  const after = async <O>({ tenantId }: OfTenant, change: Promise<O>): Promise<O> => {
    const outcome = await change;
    // The change succeeded even if this fails: caches expire soon.
    await state.set(keyOf(tenantId), newId(), REGISTRY_VERSION_TTL_MS).catch(() => undefined);
    return outcome;
  };
  return {
    ...store,
    add: (record: OfTenant) => after(record, store.add(record)),
    replace: (record: OfTenant, etag: string) => after(record, store.replace(record, etag)),
    remove: (record: OfTenant, etag: string) => after(record, store.remove(record, etag)),
  };
}
