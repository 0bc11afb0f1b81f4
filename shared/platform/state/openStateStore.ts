import type { Clock } from '../base/clock.ts';
import type { OpenTable } from '../tables/tables.ts';
import { azureTableStateStore } from './azureTableStateStore.ts';
import type { RedisInspection } from './redisInspection.ts';
import type { RedisSignInDeps } from './redisSignIn.ts';
import { redisStateStore } from './redisStateStore.ts';
import type { StateStore } from './stateStore.ts';

export interface OpenedStateStore {
  readonly kind: 'redis' | 'tables';
  readonly state: StateStore;
  /** State on the tables. It survives a restart of Redis, and is slower: use it for values that are seldom read. */
  readonly durable: StateStore;
  /** With Redis only: the tables have no figures. */
  readonly inspection?: RedisInspection;
  /** Removes expired rows of the tables, for a timer, and returns their number. Redis removes expired keys by itself. */
  purge(now: Date): Promise<number>;
  close(): void;
}

/** Opens the state store on Redis where there is a URL, otherwise on the tables. It connects with the first call. */
export function openStateStore(deps: {
  readonly redisUrl: string | undefined;
  /** For a Redis without a key in its URL. */
  readonly signIn?: RedisSignInDeps;
  readonly open: OpenTable;
  readonly clock: Clock;
}): OpenedStateStore {
  const tables = azureTableStateStore(deps.open, deps.clock);
  const durable = tables.state;
  if (deps.redisUrl === undefined) return { kind: 'tables', ...tables, durable, close: () => undefined };
  return { ...tables, durable, kind: 'redis', ...redisStateStore(deps.redisUrl, deps.clock, deps.signIn) };
}
