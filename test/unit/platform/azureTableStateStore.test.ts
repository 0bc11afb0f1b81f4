import { beforeEach, describe, expect, test } from 'vitest';
import { CLOCK_TOLERANCE_MS } from '../../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { azureTableStateStore } from '../../../shared/platform/state/azureTableStateStore.ts';
import { openStateStore } from '../../../shared/platform/state/openStateStore.ts';
import { type Count, fenceMemoryMs } from '../../../shared/platform/state/stateStore.ts';
import type { OpenTable, Table } from '../../../shared/platform/tables/tables.ts';
import { memoryTables } from '../../support/memoryTables.ts';

const minuteMs = 60_000;

describe('state on tables', () => {
  let now: number;
  let operations: string[];
  let outage: Error | undefined;
  let open: OpenTable;

  const clock = { now: () => new Date(now) };
  const instance = (tables = open) => azureTableStateStore(tables, clock);
  const reads = () => operations.filter((operation) => operation.startsWith('get')).length;
  const writes = () => operations.length - reads();

  beforeEach(() => {
    now = Date.UTC(2026, 0, 1);
    operations = [];
    outage = undefined;
    const tables = memoryTables((operation) => {
      if (outage) throw outage;
      operations.push(operation);
    });
    // All instances of a test share one table.
    let shared: Table<unknown> | undefined;
    open = <T>(...args: Parameters<typeof tables<T>>) =>
      (shared ??= tables<T>(...args) as Table<unknown>) as Table<T>;
  });

  /** Tables of which every write, or the first only, is done and then answered as the SDK answers one that it repeated. */
  function losingAnswers(lost: 'first' | 'every'): OpenTable {
    return (name, codec) => {
      const table = open(name, codec);
      let left = lost === 'first' ? 1 : Infinity;
      return {
        ...table,
        insert: async (value) => {
          const outcome = await table.insert(value);
          return left-- > 0 ? 'exists' : outcome;
        },
        replace: async (value, etag) => {
          const outcome = await table.replace(value, etag);
          return left-- > 0 ? { status: 'conflict' } : outcome;
        },
      };
    };
  }

  test('a call out of bounds costs no operation', async () => {
    const { state } = instance();
    await expect(state.set('', 'value', minuteMs)).rejects.toThrow(RangeError);
    await expect(state.claim('key', 0)).rejects.toThrow(RangeError);
    expect(operations).toEqual([]);
  });

  test('a hundred increments at once in one instance cost two writes', async () => {
    const { state } = instance();
    const counts = await Promise.all(Array.from({ length: 100 }, () => state.increment('key', 1, minuteMs)));
    expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(writes()).toBeLessThanOrEqual(2);
  });

  test('fifty claims at once in one instance do not race each other', async () => {
    const { state } = instance();
    await Promise.all(Array.from({ length: 50 }, () => state.claim('key', minuteMs)));
    expect([reads(), writes()]).toEqual([50, 1]);
  });

  test('increments that come while a write is under way go with the next', async () => {
    let late: Promise<Count> | undefined;
    const slow: OpenTable = (name, codec) => {
      const table = open(name, codec);
      return {
        ...table,
        insert: (value) => {
          late = state.increment('key', 10, minuteMs);
          return table.insert(value);
        },
      };
    };
    const { state } = instance(slow);
    expect((await state.increment('key', 1, minuteMs)).count).toBe(1);
    expect((await late)?.count).toBe(11);
    expect((await state.increment('key', 1, minuteMs)).count).toBe(12);
  });

  test('increments with different windows keep the window that is under way', async () => {
    const { state } = instance();
    const [first, second] = await Promise.all([
      state.increment('key', 1, minuteMs),
      state.increment('key', 1, 2 * minuteMs),
    ]);
    expect([first, second]).toEqual([
      { count: 1, remainingMs: minuteMs },
      { count: 2, remainingMs: minuteMs },
    ]);
  });

  test.each(['first', 'every'] as const)('a write whose answer was lost counts once: %s', async (lost) => {
    const { state } = instance(losingAnswers(lost));
    expect((await state.increment('key', 1, minuteMs)).count).toBe(1);
    expect((await state.increment('key', 1, minuteMs)).count).toBe(2);
    expect(await state.compareAndSet('key', undefined, 'value', minuteMs)).toBe('stored');
    const claim = await state.claim('key', minuteMs);
    expect(claim.status).toBe('claimed');
    expect(await state.claim('key', minuteMs)).toMatchObject({ status: 'held' });
  });

  test('a row that others change each time is given up with a clear fault', async () => {
    const contended: OpenTable = (name, codec) => ({
      ...open(name, codec),
      insert: () => Promise.resolve('exists'),
    });
    const { state } = instance(contended);
    await expect(state.set('key', 'value', minuteMs)).rejects.toMatchObject({
      part: 'tables',
      cause: { message: '20 attempts conflicted with other changes' },
    });
  });

  test('an outage is thrown, never read as absent, and leaves nothing behind that blocks a key', async () => {
    const { state } = instance();
    await state.set('key', 'value', minuteMs);
    outage = new InfrastructureError('tables', 'get state', undefined);
    await expect(state.get('key')).rejects.toBe(outage);
    await expect(state.compareAndSet('key', undefined, 'new', minuteMs)).rejects.toBe(outage);
    await expect(state.claim('key', minuteMs)).rejects.toBe(outage);
    const increments = [state.increment('key', 1, minuteMs), state.increment('key', 1, minuteMs)];
    for (const increment of increments) await expect(increment).rejects.toBe(outage);
    outage = undefined;
    expect(await state.get('key')).toBe('value');
    expect((await state.increment('key', 1, minuteMs)).count).toBe(1);
    expect((await state.claim('key', minuteMs)).status).toBe('claimed');
  });

  test('a fence grows over a clock that was set back, while its last grant is remembered', async () => {
    const { state } = instance();
    const first = await state.claim('key', minuteMs);
    if (first.status === 'claimed') await state.release(first.lease);
    now -= 10 * minuteMs;
    const second = await state.claim('key', minuteMs);
    expect(second).toMatchObject({ lease: { fence: first.status === 'claimed' && first.lease.fence + 1 } });
  });

  test('a fence grows over a purge', async () => {
    const store = instance();
    const first = await store.state.claim('key', 1);
    now += 1 + fenceMemoryMs + 1;
    expect(await store.purge(new Date(now))).toBe(1);
    const second = await store.state.claim('key', 1);
    if (first.status === 'held' || second.status === 'held') throw new Error('the lease is held');
    expect(second.lease.fence).toBeGreaterThan(first.lease.fence);
  });

  describe('purge', () => {
    test('removes what has ended for every clock, and nothing else', async () => {
      const store = instance();
      const { state } = store;
      await state.set('short', 'value', minuteMs);
      await state.set('long', 'value', 60 * minuteMs + fenceMemoryMs);
      await state.increment('short', 1, minuteMs);
      await state.claim('short', minuteMs);

      now += minuteMs + CLOCK_TOLERANCE_MS;
      expect(await store.purge(new Date(now))).toBe(0);
      now += 1;
      expect(await store.purge(new Date(now))).toBe(2);
      now += fenceMemoryMs - CLOCK_TOLERANCE_MS - 1;
      expect(await store.purge(new Date(now))).toBe(0);
      now += 1;
      expect(await store.purge(new Date(now))).toBe(1);
      expect(await state.get('long')).toBe('value');
    });

    test('takes a thousand rows a call', async () => {
      const store = instance();
      const { state } = store;
      await Promise.all(Array.from({ length: 1_005 }, (_, i) => state.set(`key ${i}`, 'value', 1)));
      now += 2 * minuteMs;
      expect(await store.purge(new Date(now))).toBe(1_000);
      expect(await store.purge(new Date(now))).toBe(5);
    });

    test('leaves a row that was written over after it was found', async () => {
      const { state } = instance();
      await state.set('key', 'old', 1);
      now += 2 * minuteMs;
      const meddling: OpenTable = (name, codec) => {
        const table = open(name, codec);
        return {
          ...table,
          remove: async (key, etag) => {
            await state.set('key', 'new', minuteMs);
            return table.remove(key, etag);
          },
        };
      };
      expect(await instance(meddling).purge(new Date(now))).toBe(0);
      expect(await state.get('key')).toBe('new');
    });
  });

  test('tables are taken where there is no URL of a Redis, and nothing is asked of either at once', async () => {
    const tables = openStateStore({ redisUrl: undefined, open, clock });
    const redis = openStateStore({ redisUrl: 'redis://127.0.0.1:1', open, clock });
    expect([tables.kind, redis.kind]).toEqual(['tables', 'redis']);
    expect(operations).toEqual([]);
    await tables.state.set('key', 'value', 1);
    await redis.durable.set('other', 'value', 1);
    now += 2 * minuteMs;
    expect(await tables.durable.get('key')).toBeUndefined();
    expect(await redis.purge(new Date(now))).toBe(2);
    redis.close();
  });
});
