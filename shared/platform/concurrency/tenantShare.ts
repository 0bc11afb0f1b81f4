/**
 * Returns how much of a bounded resource one tenant may hold. The resource is divided, rounding up, among the tenants that hold
 * some of it, the tenant that asks, and one more tenant that may come. So one tenant gets half, and the only tenant of a
 * gateway gets all of it.
 */
export function tenantShare(size: number, otherHolders: number, tenants: number): number {
  return Math.ceil(size / Math.max(1, Math.min(tenants, otherHolders + 2)));
}

/** A place that was given, or why none was. `share`: the tenant holds all that it may; `full`: all places are taken. */
export type Taken =
  | { readonly kind: 'taken'; readonly leave: () => void }
  | { readonly kind: 'share' | 'full'; readonly atMost: number };

/** Places of one kind in this instance, shared by all tenants. */
export interface TenantPlaces {
  /** Takes a place of the thing with this name. `leave` gives it back; further calls of it do nothing. */
  take(tenantId: string, name?: string): Taken;
}

/** The places that are taken of one thing. Only tenants that hold a place have an entry. */
interface Held {
  taken: number;
  readonly byTenant: Map<string, number>;
}

/** Gives each thing `size` places, of which no tenant holds more than its share (`tenantShare`). */
export function createTenantPlaces(size: number, tenants: number): TenantPlaces {
  const things = new Map<string, Held>();
  return {
    take(tenantId, name = '') {
      const held = things.get(name) ?? { taken: 0, byTenant: new Map<string, number>() };
      const own = held.byTenant.get(tenantId) ?? 0;
      if (held.taken >= size) return { kind: 'full', atMost: size };
      const others = held.byTenant.size - (own > 0 ? 1 : 0);
      const atMost = tenantShare(size, others, tenants);
      if (own >= atMost) return { kind: 'share', atMost };
      things.set(name, held);
      held.taken += 1;
      held.byTenant.set(tenantId, own + 1);
      let isTaken = true;
      const leave = () => {
        if (!isTaken) return;
        isTaken = false;
        held.taken -= 1;
        const left = (held.byTenant.get(tenantId) ?? 1) - 1;
        if (left > 0) held.byTenant.set(tenantId, left);
        else held.byTenant.delete(tenantId);
        if (held.taken === 0) things.delete(name);
      };
      return { kind: 'taken', leave };
    },
  };
}
