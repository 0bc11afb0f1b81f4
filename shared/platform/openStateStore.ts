import { azureTableStateStore } from './azureTableStateStore.ts';
import type { Clock } from './clock.ts';
import type { RedisInspection } from './redisInspection.ts';
import { redisStateStore } from './redisStateStore.ts';
import type { StateStore } from './stateStore.ts';
import type { OpenTable } from './tables.ts';

export interface OpenedStateStore {
  readonly kind: 'redis' | 'tables';
  readonly state: StateStore;
  /** The same on the tables, which keep what Redis loses with a restart. Slower: for what is seldom asked. */
  readonly durable: StateStore;
  /** Of Redis alone: the tables have no figures of their own. */
  readonly inspection?: RedisInspection;
  /** Removes rows of the tables that have ended, for a timer; answers how many. Redis does so by itself. */
  purge(now: Date): Promise<number>;
  close(): void;
}

/** Redis where there is a URL for it, else the tables. Nothing is connected before the first call. */
export function openStateStore(deps: {
  readonly redisUrl: string | undefined;
  readonly open: OpenTable;
  readonly clock: Clock;
}): OpenedStateStore {
  const { state: durable, purge } = azureTableStateStore(deps.open, deps.clock);
  if (deps.redisUrl === undefined)
    return { kind: 'tables', state: durable, durable, purge, close: () => undefined };
  return { kind: 'redis', ...redisStateStore(deps.redisUrl, deps.clock), durable, purge };
}
