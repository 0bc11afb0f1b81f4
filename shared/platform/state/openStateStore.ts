import { azureTableStateStore } from './azureTableStateStore.ts';
import type { Clock } from '../base/clock.ts';
import type { RedisInspection } from './redisInspection.ts';
import { redisStateStore } from './redisStateStore.ts';
import type { StateStore } from './stateStore.ts';
import type { OpenTable } from '../tables/tables.ts';

export interface OpenedStateStore {
  readonly kind: 'redis' | 'tables';
  readonly state: StateStore;
  /** State on the tables, which survives a restart of Redis. It is slower: use it for values that are seldom read. */
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
  const tables = azureTableStateStore(deps.open, deps.clock);
  const durable = tables.state;
  if (deps.redisUrl === undefined) return { kind: 'tables', ...tables, durable, close: () => undefined };
  return { ...tables, durable, kind: 'redis', ...redisStateStore(deps.redisUrl, deps.clock) };
}
