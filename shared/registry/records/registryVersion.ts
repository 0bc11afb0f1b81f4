import type { StateStore } from '../../platform/state/stateStore.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Replacement } from '../../platform/tables/tables.ts';
import type { ServerStore } from './serverStore.ts';
import type { ToolsetStore } from '../toolsets/toolsetStore.ts';

const keyOf = (tenantId: string): string => `mreg:registry:${tenantId}`;
/** Whoever remembers a list looks at it anew long before this ends. */
const KEPT_MS = 24 * 3_600_000;

/** Names the state of a tenant's registry: as long as it stays the same, nothing was changed. Absent: unknown. */
export async function registryVersion(
  state: StateStore,
  tenantId: string,
  newId: IdSource,
): Promise<string | undefined> {
  const key = keyOf(tenantId);
  const known = await state.get(key);
  if (known !== undefined) return known;
  // Nothing has changed for long: from here on it has a name again.
  const begun = newId();
  return (await state.compareAndSet(key, undefined, begun, KEPT_MS)) === 'stored' ? begun : state.get(key);
}

/**
 * The same store, which tells all instances of each change, so that they can remember what they read. The change comes
 * first: whoever reads the version before the records never holds old records under a new version.
 */
export function announced(servers: ServerStore, state: StateStore, newId: IdSource): ServerStore {
  return { ...servers, ...announcing(servers, state, newId) };
}

/** The same for toolsets, which are part of the registry too. */
export function announcedToolsets(toolsets: ToolsetStore, state: StateStore, newId: IdSource): ToolsetStore {
  return { ...toolsets, ...announcing(toolsets, state, newId) };
}

interface Changing<T> {
  add(record: T): Promise<'inserted' | 'exists'>;
  replace(record: T, etag: string): Promise<Replacement>;
  remove(record: T, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
}

function announcing<T extends { readonly tenantId: string }>(
  store: Changing<T>,
  state: StateStore,
  newId: IdSource,
): Changing<T> {
  const after = async <O>({ tenantId }: T, change: Promise<O>): Promise<O> => {
    const outcome = await change;
    // An announcement that fails must not make the change look as if it had: readers do not trust their memory for long.
    await state.set(keyOf(tenantId), newId(), KEPT_MS).catch(() => undefined);
    return outcome;
  };
  return {
    add: (record) => after(record, store.add(record)),
    replace: (record, etag) => after(record, store.replace(record, etag)),
    remove: (record, etag) => after(record, store.remove(record, etag)),
  };
}
