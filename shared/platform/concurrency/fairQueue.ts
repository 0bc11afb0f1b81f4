import { createTenantPlaces } from './tenantShare.ts';

/** Runs the work of all tenants in this instance, with a limit on how much runs at once. Waiting tenants take turns. */
export interface FairQueue {
  /** Calls `act` when its turn comes. Returns what `act` returns. The work of one tenant begins in the order of the calls. */
  run<A>(tenantId: string, act: () => Promise<A>): Promise<A>;
}

/**
 * Runs at most `atOnce` pieces of work at a time, and for one tenant at most its share (`tenantShare`). A free place goes to the
 * next tenant in turn: the first work of a tenant waits for at most one piece of work of each other tenant.
 */
export function createFairQueue(atOnce: number, tenants: number): FairQueue {
  const places = createTenantPlaces(atOnce, tenants);
  /** Waiting work by tenant. The first tenant is the next in turn. */
  const lines = new Map<string, ((leave: () => void) => void)[]>();

  function startNext(): void {
    for (const [tenantId, line] of [...lines]) {
      const taken = places.take(tenantId);
      if (taken.kind === 'full') return;
      if (taken.kind !== 'taken') continue;
      lines.delete(tenantId);
      const start = line.shift();
      // The tenant goes to the end of the turn.
      if (line.length > 0) lines.set(tenantId, line);
      start?.(taken.leave);
    }
  }

  function turn(tenantId: string): Promise<() => void> {
    const taken = lines.has(tenantId) ? undefined : places.take(tenantId);
    if (taken?.kind === 'taken') return Promise.resolve(taken.leave);
    return new Promise((start) => {
      const line = lines.get(tenantId);
      if (line) line.push(start);
      else lines.set(tenantId, [start]);
    });
  }

  return {
    async run(tenantId, act) {
      const leave = await turn(tenantId);
      try {
        return await act();
      } finally {
        leave();
        startNext();
      }
    },
  };
}
