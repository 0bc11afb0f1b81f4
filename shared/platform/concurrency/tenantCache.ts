/**
 * A bounded cache that all tenants share. Over `capacity` it evicts the oldest entry of the tenant with the most entries: a
 * tenant that fills the cache loses entries of its own, and a tenant with few entries loses none.
 */
export interface TenantCache<V> {
  get(key: string): V | undefined;
  /** Adds an entry as the newest of its tenant. A key belongs to one tenant. */
  set(tenantId: string, key: string, value: V): void;
  /** Makes an entry the newest of its tenant. */
  touch(key: string): void;
  delete(key: string): void;
}

export function createTenantCache<V>(capacity: number): TenantCache<V> {
  const entries = new Map<string, { readonly tenantId: string; readonly value: V }>();
  /** A set keeps the order of insertion: the oldest key of a tenant is its first. */
  const keys = new Map<string, Set<string>>();

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    const own = keys.get(entry.tenantId);
    own?.delete(key);
    if (own?.size === 0) keys.delete(entry.tenantId);
  }

  function largest(): Set<string> | undefined {
    let found: Set<string> | undefined;
    for (const own of keys.values()) if (own.size > (found?.size ?? 0)) found = own;
    return found;
  }

  return {
    get: (key) => entries.get(key)?.value,
    set(tenantId, key, value) {
      remove(key);
      entries.set(key, { tenantId, value });
      const own = keys.get(tenantId);
      if (own) own.add(key);
      else keys.set(tenantId, new Set([key]));
      if (entries.size <= capacity) return;
      const [oldest] = largest() ?? [];
      if (oldest !== undefined) remove(oldest);
    },
    touch(key) {
      const own = keys.get(entries.get(key)?.tenantId ?? '');
      if (own?.delete(key)) own.add(key);
    },
    delete: remove,
  };
}
