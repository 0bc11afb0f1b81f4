import { z } from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { parseStateValue } from '../../platform/state/stateValue.ts';

const restingSchema = z.record(z.string(), z.number());
type RestingServers = Readonly<Record<string, number>>;

/** A server as it was registered: with another URL it is another. */
export interface Named {
  readonly slug: string;
  readonly url: string;
}

/**
 * Which servers of a tenant are left alone for a while, because they failed again and again. All instances learn of it
 * from the state; nobody waits for that.
 */
export interface Resting {
  /** Milliseconds until the server is tried again; undefined when it is not resting, as far as this instance knows. */
  leftMs(tenantId: string, server: Named): number | undefined;
  /** Lets a server rest, for all instances. */
  rest(tenantId: string, server: Named): void;
  /** The slugs of all that rest now, as of a few seconds ago at most. */
  all(tenantId: string): Promise<readonly string[]>;
}

/** Long enough for a server to start again, short enough to be noticed by nobody who comes later. */
export const REST_MS = 15_000;
const FRESH_MS = 2_000;
const REMEMBERED_TENANTS = 200;

export function createResting({
  state,
  clock,
}: {
  readonly state: StateStore;
  readonly clock: Clock;
}): Resting {
  const known = new Map<string, { at: number; servers: RestingServers; reading?: Promise<void> }>();
  const keyOf = (tenantId: string) => `mreg:mcp:resting:${tenantId}`;
  /** A slug holds no space. */
  const nameOf = ({ slug, url }: Named) => `${slug} ${url}`;
  const now = () => clock.now().getTime();

  function recall(tenantId: string) {
    let entry = known.get(tenantId);
    if (entry === undefined) {
      entry = { at: 0, servers: {} };
      known.set(tenantId, entry);
      const [oldest] = known.keys();
      if (known.size > REMEMBERED_TENANTS && oldest !== undefined) known.delete(oldest);
    }
    return entry;
  }

  /** Reads anew where what is known is old. An outage of the state changes nothing: each instance then knows its own. */
  function freshen(tenantId: string): Promise<void> {
    const entry = recall(tenantId);
    if (now() - entry.at < FRESH_MS) return entry.reading ?? Promise.resolve();
    entry.at = now();
    entry.reading = state.get(keyOf(tenantId)).then(
      (text) => {
        entry.servers = { ...parseStateValue(text, restingSchema), ...stillResting(entry.servers) };
      },
      () => undefined,
    );
    return entry.reading;
  }

  const stillResting = (servers: RestingServers): RestingServers =>
    Object.fromEntries(Object.entries(servers).filter(([, until]) => until > now()));

  async function share(tenantId: string, name: string, until: number): Promise<void> {
    for (;;) {
      const text = await state.get(keyOf(tenantId));
      const servers = { ...stillResting(parseStateValue(text, restingSchema) ?? {}), [name]: until };
      const stored = await state.compareAndSet(keyOf(tenantId), text, JSON.stringify(servers), REST_MS);
      if (stored === 'stored') return;
    }
  }

  return {
    leftMs(tenantId, server) {
      void freshen(tenantId);
      const left = (recall(tenantId).servers[nameOf(server)] ?? 0) - now();
      return left > 0 ? left : undefined;
    },
    rest(tenantId, server) {
      const name = nameOf(server);
      const until = now() + REST_MS;
      const entry = recall(tenantId);
      entry.servers = { ...entry.servers, [name]: until };
      share(tenantId, name, until).catch(() => undefined);
    },
    async all(tenantId) {
      await freshen(tenantId);
      const names = Object.keys(stillResting(recall(tenantId).servers));
      return [...new Set(names.map((name) => name.slice(0, name.indexOf(' '))))].sort();
    },
  };
}
