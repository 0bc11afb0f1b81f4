import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createFairQueue, type FairQueue } from '../../platform/concurrency/fairQueue.ts';
import { roundRobin } from '../../platform/concurrency/roundRobin.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Discovery } from '../../registry/records/server.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import {
  CONFIRMED_MS,
  REFRESH_ATTEMPTS,
  REFRESH_INTERVAL_MS,
  REFRESH_TIMEOUT_MS,
  TIMER_PAGE_SIZE,
  TIMER_REFRESHES,
} from '../protocol/limits.ts';
import { type ActiveServer, type Catalogue, isActive } from './catalogue.ts';
import { type ProbeDeps, probeServer } from './probeServer.ts';

/**
 * The result of a refresh. `unchanged`: the record is up to date. `unavailable`: the server could not be discovered, or a
 * service of the gateway failed. `busy`: other instances hold the lease. `gone`: the server takes no calls any more, or has
 * another URL.
 */
export type Refreshed = 'updated' | 'unchanged' | 'unavailable' | 'busy' | 'gone';

/** Discovers a server again and updates its record. Resolves when the record is up to date, or cannot be updated now. */
export type Refresh = (server: ActiveServer) => Promise<Refreshed>;

const confirmedKey = (tenantId: string, slug: string): string => `mreg:mcp:confirmed:${tenantId}:${slug}`;

/**
 * Returns when a discovery last confirmed the record of a server; `undefined` after a day. A confirmation does not change the
 * record.
 */
export const confirmedAt = (state: StateStore, tenantId: string, slug: string): Promise<string | undefined> =>
  state.get(confirmedKey(tenantId, slug));

/** The refresh of a server that runs, and the one that waits for it. */
interface Refreshing {
  readonly now: Promise<Refreshed>;
  next?: Promise<Refreshed>;
}

export interface RefreshDeps extends ProbeDeps {
  readonly servers: ServerStore;
  readonly shortLived: StateStore;
}

/**
 * One instance at a time discovers a server and replaces the discovery in its record, if the record is unchanged since it was
 * read and the discovery differs. A server that cannot be discovered keeps its last lists. `invalidate` is called for each
 * replaced record. Refreshes wait in the queue `discoveries`.
 */
export function createRefresh(
  deps: RefreshDeps & { readonly discoveries: FairQueue },
  invalidate: Catalogue['invalidate'],
): Refresh {
  const { servers, shortLived, clock } = deps;
  /** At most one refresh of each server runs and one waits. Concurrent callers share the waiting one. */
  const running = new Map<string, Refreshing>();

  async function refresh(server: ActiveServer): Promise<Refreshed> {
    const { tenantId, slug, url } = server;
    for (let attempt = 0; attempt < REFRESH_ATTEMPTS; attempt++) {
      const claim = await shortLived.claim(`mreg:refresh:${tenantId}:${slug}`, REFRESH_TIMEOUT_MS);
      if (claim.status === 'held') {
        await pause(REFRESH_INTERVAL_MS);
        continue;
      }
      try {
        const found = await probeServer(server, deps, REFRESH_TIMEOUT_MS);
        const stored = await servers.find(tenantId, slug);
        if (!found.ok) return 'unavailable';
        if (stored?.value.status !== 'active' || stored.value.url !== url) return 'gone';
        const at = clock.now().toISOString();
        await shortLived.set(confirmedKey(tenantId, slug), at, CONFIRMED_MS);
        if (isSame(found.value, stored.value.discovery)) return 'unchanged';
        await servers.replace({ ...stored.value, discovery: found.value, updatedAt: at }, stored.etag);
        invalidate(tenantId, slug);
        return 'updated';
      } finally {
        await shortLived.release(claim.lease);
      }
    }
    return 'busy';
  }

  function start(key: string, server: ActiveServer): Promise<Refreshed> {
    const now = deps.discoveries
      .run(server.tenantId, () => refresh(server))
      .catch((): Refreshed => 'unavailable');
    const refreshing: Refreshing = { now };
    running.set(key, refreshing);
    // A call within a second waits.
    const remove = () => {
      if (running.get(key) === refreshing && refreshing.next === undefined) running.delete(key);
    };
    void now.then(() => setTimeout(remove, REFRESH_INTERVAL_MS).unref());
    return now;
  }

  return (server) => {
    const key = JSON.stringify([server.tenantId, server.slug]);
    const refreshing = running.get(key);
    if (refreshing === undefined) return start(key, server);
    // The running refresh may have missed the change that the caller knows of.
    refreshing.next ??= refreshing.now.then(() => pause(REFRESH_INTERVAL_MS)).then(() => start(key, server));
    return refreshing.next;
  };
}

function isSame(found: Discovery, known: Discovery | undefined): boolean {
  const { discoveredAt: _at, ...content } = found;
  const { discoveredAt: _before, ...before } = known ?? { discoveredAt: '' };
  return isDeepStrictEqual(content, before);
}

/**
 * Refreshes every active server, because a server may not announce its changes. The tenants take turns, so that one with a
 * thousand servers does not use up the time of the others. Ends early when the signal is aborted.
 */
export async function refreshAll(
  deps: RefreshDeps,
  tenants: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  // The round robin below makes the tenants take turns.
  const discoveries = createFairQueue(TIMER_REFRESHES, 1);
  const refresh = createRefresh({ ...deps, discoveries }, () => undefined);
  const waiting = roundRobin(Array.from(tenants, (tenantId) => serversOf(tenantId, deps)));
  await Promise.all(
    Array.from({ length: TIMER_REFRESHES }, async () => {
      while (!signal.aborted) {
        const { done, value } = await waiting.next();
        if (done) return;
        await refresh(value);
      }
    }),
  );
}

async function* serversOf(tenantId: string, { servers }: RefreshDeps): AsyncIterable<ActiveServer> {
  let after: string | undefined;
  do {
    const page = await servers.list(tenantId, { status: 'active' }, TIMER_PAGE_SIZE, after);
    yield* page.items.filter(isActive);
    after = page.after;
  } while (after !== undefined);
}
