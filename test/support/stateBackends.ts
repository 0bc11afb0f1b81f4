import { setTimeout as delay } from 'node:timers/promises';
import { TableClient } from '@azure/data-tables';
import { CLOCK_TOLERANCE_MS } from '../../shared/platform/base/clock.ts';
import { azureTableStateStore } from '../../shared/platform/state/azureTableStateStore.ts';
import { redisStateStore } from '../../shared/platform/state/redisStateStore.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { startAzurite } from './azurite.ts';
import { startRedis } from './redis.ts';

/** One implementation of the state store, as its contract suite needs it. */
export interface StateBackend {
  /** The store of another instance, whose clock is ahead of the others' by so much. */
  open(aheadMs?: number): StateStore;
  /** By the clock of an instance that is not ahead. */
  now(): number;
  elapse(ms: number): Promise<void>;
  /** How long after its end a lease that was not released can be claimed. */
  readonly takeoverMs: number;
  stop(): Promise<void>;
}

export async function startTablesBackend(): Promise<StateBackend> {
  const azurite = await startAzurite();
  const options = { allowInsecureConnection: true };
  await TableClient.fromConnectionString(azurite.connectionString, 'state', options).createTable();
  let now = Date.UTC(2026, 0, 1);
  return {
    open: (aheadMs = 0) => {
      const clock = { now: () => new Date(now + aheadMs) };
      return azureTableStateStore(openTables(azurite.connectionString), clock).state;
    },
    now: () => now,
    elapse: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    takeoverMs: CLOCK_TOLERANCE_MS,
    stop: () => azurite.stop(),
  };
}

export async function startRedisBackend(): Promise<StateBackend> {
  const redis = await startRedis();
  const opened: { close(): void }[] = [];
  return {
    open: (aheadMs = 0) => {
      const store = redisStateStore(redis.url, { now: () => new Date(Date.now() + aheadMs) });
      opened.push(store);
      return store.state;
    },
    now: () => Date.now(),
    elapse: (ms) => delay(ms),
    takeoverMs: 0,
    stop: async () => {
      for (const store of opened) store.close();
      await redis.stop();
    },
  };
}
