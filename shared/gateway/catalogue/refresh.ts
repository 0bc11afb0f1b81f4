import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { FairQueue } from '../../platform/concurrency/fairQueue.ts';
import { discoverServer } from './discovery.ts';
import type { GatewayDeps } from '../calls/request.ts';
import type { Discovery } from '../../registry/records/server.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { ActiveServer, Catalogue } from './catalogue.ts';

/**
 * What came of a refresh. `unchanged`: what the registry knows is right. `unavailable`: the server could not be discovered, or
 * what we stand on failed. `busy`: others refresh it all the time. `gone`: it takes no calls any more, or is another.
 */
export type Refreshed = 'updated' | 'unchanged' | 'unavailable' | 'busy' | 'gone';

/** Brings what the registry knows of a server up to date. Resolves when it is, or when that cannot be done now. */
export type Refresh = (server: ActiveServer) => Promise<Refreshed>;

const confirmedKey = (tenantId: string, slug: string): string => `mreg:mcp:confirmed:${tenantId}:${slug}`;
const CONFIRMED_FOR_MS = 24 * 3_600_000;

/** When a server was last found to be as its record says, which does not change the record; undefined where that is a day ago. */
export const confirmedAt = (state: StateStore, tenantId: string, slug: string): Promise<string | undefined> =>
  state.get(confirmedKey(tenantId, slug));

/** A server that says all the time that it has changed is not asked more often. */
const AT_MOST_EVERY_MS = 1_000;
/** What a discovery may take, and how long a lease of an instance that died keeps the others away. */
const WITHIN_MS = 25_000;
const ATTEMPTS = 3;

interface Turn {
  readonly now: Promise<Refreshed>;
  next?: Promise<Refreshed>;
}

export interface RefreshDeps extends Pick<GatewayDeps, 'servers' | 'outboundTo' | 'shortLived' | 'clock'> {
  /** Each refresh waits for its turn here. */
  readonly discoveries: FairQueue;
}

/**
 * One instance at a time discovers a server anew and replaces what its record says, if it is still the one that was read and
 * something has changed. A server that cannot be discovered keeps its last lists. `forget` is told of a record that was replaced.
 */
export function createRefresh(deps: RefreshDeps, forget: Catalogue['forget']): Refresh {
  const { servers, shortLived, clock } = deps;
  /** Of each server at most one that runs and one that waits for it, which all who come meanwhile share. */
  const running = new Map<string, Turn>();

  async function refresh(server: ActiveServer): Promise<Refreshed> {
    const { tenantId, slug, url } = server;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const claim = await shortLived.claim(`mreg:refresh:${tenantId}:${slug}`, WITHIN_MS);
      if (claim.status === 'held') {
        await pause(AT_MOST_EVERY_MS);
        continue;
      }
      try {
        const found = await discoverServer(server, deps, AbortSignal.timeout(WITHIN_MS));
        const stored = await servers.find(tenantId, slug);
        if (!found.ok) return 'unavailable';
        if (stored?.value.status !== 'active' || stored.value.url !== url) return 'gone';
        const at = clock.now().toISOString();
        await shortLived.set(confirmedKey(tenantId, slug), at, CONFIRMED_FOR_MS);
        if (isSame(found.value, stored.value.discovery)) return 'unchanged';
        await servers.replace({ ...stored.value, discovery: found.value, updatedAt: at }, stored.etag);
        forget(tenantId, slug);
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
    const turn: Turn = { now };
    running.set(key, turn);
    // Who comes within a second waits its turn.
    const forget = () => {
      if (running.get(key) === turn && turn.next === undefined) running.delete(key);
    };
    void now.then(() => setTimeout(forget, AT_MOST_EVERY_MS).unref());
    return now;
  }

  return (server) => {
    const key = JSON.stringify([server.tenantId, server.slug]);
    const turn = running.get(key);
    if (turn === undefined) return start(key, server);
    // Whoever asks while one runs may want to know of a change that it has not seen.
    turn.next ??= turn.now.then(() => pause(AT_MOST_EVERY_MS)).then(() => start(key, server));
    return turn.next;
  };
}

function isSame(found: Discovery, known: Discovery | undefined): boolean {
  const { discoveredAt: _at, ...content } = found;
  const { discoveredAt: _before, ...before } = known ?? { discoveredAt: '' };
  return isDeepStrictEqual(content, before);
}
