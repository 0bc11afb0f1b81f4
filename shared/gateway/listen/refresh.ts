import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { discoverServer } from '../discovery.ts';
import type { GatewayDeps } from '../request.ts';
import type { Discovery } from '../../registry/server.ts';
import type { ActiveServer, Catalogue } from '../view/catalogue.ts';

/** Brings what the registry knows of a server up to date. Resolves when it is, or when that cannot be done now. */
export type Refresh = (server: ActiveServer) => Promise<void>;

/** A server that says all the time that it has changed is not asked more often. */
const AT_MOST_EVERY_MS = 1_000;
/** What a discovery may take, and how long a lease of an instance that died keeps the others away. */
const WITHIN_MS = 25_000;
const ATTEMPTS = 3;

interface Turn {
  readonly now: Promise<void>;
  next?: Promise<void>;
}

/**
 * One instance at a time discovers a server anew and replaces what its record says, if it is still the one that was read and
 * something has changed. A server that cannot be discovered keeps its last lists. `forget` is told of a record that was replaced.
 */
export function createRefresh(
  deps: Pick<GatewayDeps, 'servers' | 'outboundTo' | 'shortLived' | 'clock'>,
  forget: Catalogue['forget'],
): Refresh {
  const { servers, shortLived, clock } = deps;
  /** Of each server at most one that runs and one that waits for it, which all who come meanwhile share. */
  const running = new Map<string, Turn>();

  async function refresh(server: ActiveServer): Promise<void> {
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
        if (!found.ok || stored?.value.status !== 'active' || stored.value.url !== url) return;
        if (isSame(found.value, stored.value.discovery)) return;
        const updatedAt = clock.now().toISOString();
        await servers.replace({ ...stored.value, discovery: found.value, updatedAt }, stored.etag);
        forget(tenantId, slug);
      } finally {
        await shortLived.release(claim.lease);
      }
      return;
    }
  }

  function start(key: string, server: ActiveServer): Promise<void> {
    const now = refresh(server).catch(() => undefined);
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
