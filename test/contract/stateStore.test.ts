import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stateBounds } from '../../shared/platform/state/stateBounds.ts';
import type { Claim, Lease, StateStore } from '../../shared/platform/state/stateStore.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { startRedisBackend, startTablesBackend, type StateBackend } from '../support/stateBackends.ts';

let keys = 0;
const newKey = () => `mreg:test:${++keys}`;
const minuteMs = 60_000;

function claimed(claim: Claim): Lease {
  if (claim.status !== 'claimed') throw new Error('the lease is held');
  return claim.lease;
}

function suite(start: () => Promise<StateBackend>): void {
  let backend: StateBackend;
  let store: StateStore;
  let other: StateStore;
  /** Ten instances, none of which knows what the others do. */
  let instances: readonly StateStore[];

  beforeAll(async () => {
    backend = await start();
    instances = Array.from({ length: 10 }, () => backend.open());
    [store, other] = instances as [StateStore, StateStore];
  });
  afterAll(() => backend.stop());

  /** Fifty callers at once, from all instances. */
  const fiftyTimes = <A>(act: (store: StateStore, caller: number) => Promise<A>): Promise<A[]> =>
    Promise.all(Array.from({ length: 50 }, (_, caller) => act(instances[caller % 10] ?? store, caller)));

  describe('a value', () => {
    test('is what was set last, until it is deleted', async () => {
      const key = newKey();
      expect(await store.get(key)).toBeUndefined();
      await store.set(key, 'first', minuteMs);
      await other.set(key, 'second', minuteMs);
      expect(await store.get(key)).toBe('second');
      expect(await store.delete(key)).toBe('deleted');
      expect(await other.get(key)).toBeUndefined();
      expect(await other.delete(key)).toBe('absent');
    });

    test('is absent to every call once its TTL is over', async () => {
      const key = newKey();
      await store.set(key, 'old', minuteMs);
      await store.set(key, 'old', 100);
      await backend.elapse(120);
      expect(await other.get(key)).toBeUndefined();
      expect(await other.delete(key)).toBe('absent');
      expect(await other.compareAndSet(key, 'old', 'new', minuteMs)).toBe('conflict');
      expect(await other.compareAndSet(key, undefined, 'new', minuteMs)).toBe('stored');
      expect(await store.get(key)).toBe('new');
    });

    test('lives by the TTL of its last change', async () => {
      const key = newKey();
      await store.set(key, 'value', 1_000);
      expect(await other.compareAndSet(key, 'value', 'value', minuteMs)).toBe('stored');
      await backend.elapse(1_100);
      expect(await store.get(key)).toBe('value');
    });

    test('is changed only by the caller who knows it', async () => {
      const key = newKey();
      expect(await store.compareAndSet(key, '', 'a', minuteMs)).toBe('conflict');
      expect(await store.compareAndSet(key, undefined, '', minuteMs)).toBe('stored');
      expect(await store.get(key)).toBe('');
      expect(await other.compareAndSet(key, undefined, 'b', minuteMs)).toBe('conflict');
      expect(await other.compareAndSet(key, '', 'c', minuteMs)).toBe('stored');
      expect(await store.get(key)).toBe('c');
    });

    test('is set by one of fifty who all expect the same', async () => {
      const key = newKey();
      const outcomes = await fiftyTimes((one, caller) =>
        one.compareAndSet(key, undefined, String(caller), minuteMs),
      );
      expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1);
      expect(await store.get(key)).toBe(String(outcomes.indexOf('stored')));
    });

    test('loses no change when four instances read, change and compare', async () => {
      const key = newKey();
      await store.set(key, '0', minuteMs);
      const addOne = async (one: StateStore): Promise<void> => {
        const text = (await one.get(key)) ?? '';
        if ((await one.compareAndSet(key, text, String(Number(text) + 1), minuteMs)) === 'conflict')
          await addOne(one);
      };
      await Promise.all(
        instances.slice(0, 4).map(async (one) => {
          for (let i = 0; i < 8; i++) await addOne(one);
        }),
      );
      expect(await store.get(key)).toBe('32');
    });

    test('is one of those that ten instances set at once', async () => {
      const key = newKey();
      await Promise.all(instances.map((one, instance) => one.set(key, String(instance), minuteMs)));
      expect(await store.get(key)).toMatch(/^\d$/);
    });
  });

  describe('text', () => {
    const longest = 'é'.repeat(stateBounds.keyBytes / 2);
    test.each([
      ['unicode', 'mreg:сессия:日本語:🙂'],
      ['quotes', `it's "quoted" \`and\` $escaped \\"`],
      ['what table keys forbid', '/a\\b#c?d%2Fe%00'],
      ['control characters', 'a\u0000b\r\nc\t\u007f\u0085\u2028'],
      ['what looks like the name of a lease', 'lease:mreg:test'],
      ['a space', ' '],
      ['the longest key', longest],
    ])('of a key and its value may hold %s', async (_, text) => {
      await store.set(text, text, minuteMs);
      expect(await other.get(text)).toBe(text);
      expect((await store.increment(text, 7, minuteMs)).count).toBe(7);
      const lease = claimed(await store.claim(text, minuteMs));
      expect(await other.release(lease)).toBe('released');
      expect(await store.delete(text)).toBe('deleted');
    });

    test.each([
      ['four-byte characters', '🙂'.repeat(stateBounds.valueBytes / 4)],
      ['characters that JSON escapes', '\u0001'.repeat(stateBounds.valueBytes)],
    ])('of a value may be as long as the bound, in %s', async (_, value) => {
      const key = newKey();
      await store.set(key, value, minuteMs);
      expect((await other.get(key)) === value).toBe(true);
      expect(await other.compareAndSet(key, value, value.slice(2), minuteMs)).toBe('stored');
    });

    test('of two keys may differ in anything', async () => {
      const names = ['a', 'A', 'a ', 'e\u0301', 'é', 'lease:a', 'value:lease:a', 'counter:a', 'a:lease'];
      await store.increment('a', 1, minuteMs);
      await store.claim('a', minuteMs);
      for (const [index, key] of names.entries()) await store.set(key, String(index), minuteMs);
      const found = await Promise.all(names.map((key) => other.get(key)));
      expect(found).toEqual(names.map((_, index) => String(index)));
      expect((await other.increment('a', 1, minuteMs)).count).toBe(2);
      expect((await other.claim('a', minuteMs)).status).toBe('held');
    });

    const broken = 'half \ud83d';
    test.each<[why: string, call: (key: string) => Promise<unknown>]>([
      ['no key', () => store.set('', 'new', minuteMs)],
      ['a key too long', () => store.set(`${longest}x`, 'new', minuteMs)],
      ['a key that is no text', () => store.get(broken)],
      ['a value too long', (key) => store.set(key, 'x'.repeat(stateBounds.valueBytes + 1), minuteMs)],
      ['a value too long in bytes', (key) => store.compareAndSet(key, 'old', 'é'.repeat(32_769), minuteMs)],
      ['a value that is no text', (key) => store.set(key, broken, minuteMs)],
      ['an expectation that is no text', (key) => store.compareAndSet(key, broken, 'new', minuteMs)],
      ['no TTL', (key) => store.set(key, 'new', 0)],
      ['part of a millisecond', (key) => store.compareAndSet(key, 'old', 'new', 1.5)],
      ['a TTL too long', (key) => store.set(key, 'new', stateBounds.durationMs + 1)],
      ['no window', (key) => store.increment(key, 1, Number.NaN)],
      ['an increment of nothing', (key) => store.increment(key, 0, minuteMs)],
      ['an increment too large', (key) => store.increment(key, stateBounds.increment + 1, minuteMs)],
      ['a lease without end', (key) => store.claim(key, Infinity)],
      ['a fence that is none', (key) => store.renew({ key, fence: 0.5 }, minuteMs)],
      ['a release without a key', () => store.release({ key: '', fence: 1 })],
    ])('out of bounds is refused and changes nothing: %s', async (_, call) => {
      const key = newKey();
      await store.set(key, 'old', minuteMs);
      await expect(call(key)).rejects.toThrow(RangeError);
      expect(await store.get(key)).toBe('old');
      expect((await store.increment(key, 1, minuteMs)).count).toBe(1);
      expect((await store.claim(key, minuteMs)).status).toBe('claimed');
    });
  });

  describe('a counter', () => {
    test('counts each of a hundred increments from two instances once', async () => {
      const key = newKey();
      const counts = await Promise.all(
        Array.from({ length: 100 }, (_, i) => (i % 2 ? store : other).increment(key, 1, minuteMs)),
      );
      const all = counts.map(({ count }) => count).sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    });

    test('adds increments of different sizes', async () => {
      const key = newKey();
      const sizes = Array.from({ length: 20 }, (_, i) => i + 1);
      await Promise.all(sizes.map((by) => (by % 2 ? store : other).increment(key, by, minuteMs)));
      expect((await store.increment(key, 1, minuteMs)).count).toBe(211);
    });

    test('begins again when the window of its first increment is over', async () => {
      const key = newKey();
      const first = await store.increment(key, 5, 1_500);
      expect(first.count).toBe(5);
      expect(first.remainingMs).toBeGreaterThan(1_000);
      await backend.elapse(500);
      const second = await other.increment(key, 1, 1_500);
      expect(second.count).toBe(6);
      expect(second.remainingMs).toBeLessThanOrEqual(1_000);
      await backend.elapse(1_050);
      expect((await store.increment(key, 1, minuteMs)).count).toBe(1);
    });
  });

  describe('a lease', () => {
    test('goes to one of fifty who claim it at once', async () => {
      const key = newKey();
      const claims = await fiftyTimes((one) => one.claim(key, minuteMs));
      expect(claims.filter(({ status }) => status === 'claimed')).toHaveLength(1);
      const waits = claims.flatMap((claim) => (claim.status === 'held' ? [claim.retryAfterMs] : []));
      expect(Math.min(...waits)).toBeGreaterThan(minuteMs / 2);
      expect(Math.max(...waits)).toBeLessThanOrEqual(minuteMs + backend.takeoverMs);
    });

    test('has a higher fence with every grant', async () => {
      const key = newKey();
      const fences: number[] = [];
      for (let i = 0; i < 10; i++) {
        const one = i % 2 ? store : other;
        const lease = claimed(await one.claim(key, minuteMs));
        fences.push(lease.fence);
        expect(await (i % 3 ? store : other).release(lease)).toBe('released');
      }
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
      expect(fences.every(Number.isSafeInteger)).toBe(true);
    });

    test('that ended goes to another, and its old holder can neither renew nor release it', async () => {
      const key = newKey();
      const first = claimed(await store.claim(key, 100));
      await backend.elapse(120);
      expect(await store.renew(first, minuteMs)).toEqual({ status: 'lost' });
      expect(await store.release(first)).toBe('lost');
      await backend.elapse(backend.takeoverMs);
      const second = claimed(await other.claim(key, minuteMs));
      expect(second.fence).toBeGreaterThan(first.fence);
      expect(await store.renew(first, minuteMs)).toEqual({ status: 'lost' });
      expect(await store.release(first)).toBe('lost');
      expect((await store.claim(key, minuteMs)).status).toBe('held');
      expect((await other.renew(second, minuteMs)).status).toBe('renewed');
    });

    test('lasts from its renewal on, with the same fence', async () => {
      const key = newKey();
      const lease = claimed(await store.claim(key, 1_000));
      const renewal = await other.renew(lease, 2 * minuteMs);
      expect(renewal).toMatchObject({ status: 'renewed', lease: { key, fence: lease.fence } });
      await backend.elapse(1_100 + backend.takeoverMs);
      expect((await other.claim(key, minuteMs)).status).toBe('held');
      expect(await store.release(lease)).toBe('released');
    });

    test('that was released is free at once, and gone for its holder', async () => {
      const key = newKey();
      const lease = claimed(await store.claim(key, minuteMs));
      expect(await other.release({ key, fence: lease.fence - 1 })).toBe('lost');
      expect(await other.release({ key, fence: lease.fence })).toBe('released');
      expect(await store.release(lease)).toBe('lost');
      expect(await store.renew(lease, minuteMs)).toEqual({ status: 'lost' });
      expect((await other.claim(key, minuteMs)).status).toBe('claimed');
    });

    test("that nobody ever claimed is nobody's", async () => {
      const never = { key: newKey(), fence: 1 };
      expect(await store.renew(never, minuteMs)).toEqual({ status: 'lost' });
      expect(await store.release(never)).toBe('lost');
    });
  });

  describe('two instances whose clocks differ by 30 seconds', () => {
    const aheadMs = 30_000;
    let fast: StateStore;
    beforeAll(() => {
      fast = backend.open(aheadMs);
    });

    test.each(['slow', 'fast'] as const)(
      'never both hold a lease: the %s one has it first',
      async (holder) => {
        const key = newKey();
        const [first, second, holderAheadMs] = holder === 'slow' ? [store, fast, 0] : [fast, store, aheadMs];
        const lease = claimed(await first.claim(key, 1_000));
        let claim = await second.claim(key, 1_000);
        while (claim.status === 'held') {
          await backend.elapse(250);
          claim = await second.claim(key, 1_000);
        }
        expect(backend.now() + holderAheadMs).toBeGreaterThanOrEqual(lease.expiresAt.getTime());
        expect(claim.lease.fence).toBeGreaterThan(lease.fence);
      },
    );

    test('get higher fences in turn', async () => {
      const key = newKey();
      const fences: number[] = [];
      for (const one of [fast, store, fast, store]) {
        const lease = claimed(await one.claim(key, minuteMs));
        fences.push(lease.fence);
        await one.release(lease);
      }
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
    });

    test('read the same values and count together', async () => {
      const key = newKey();
      await store.set(key, 'slow', minuteMs);
      expect(await fast.get(key)).toBe('slow');
      expect(await fast.compareAndSet(key, 'slow', 'fast', minuteMs)).toBe('stored');
      expect(await store.get(key)).toBe('fast');
      const counts = [];
      for (const one of [store, fast, store, fast])
        counts.push((await one.increment(key, 1, minuteMs)).count);
      expect(counts).toEqual([1, 2, 3, 4]);
    });
  });
}

describe('state on Azure Tables', () => {
  suite(startTablesBackend);
});
describeWith(onPath('redis-server'), 'state on Redis', () => {
  suite(startRedisBackend);
});
