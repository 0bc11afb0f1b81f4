import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { redisStateStore } from '../../shared/platform/state/redisStateStore.ts';
import type { Claim, Lease, StateStore } from '../../shared/platform/state/stateStore.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { BOUND_MS, type Ended, expectClear, timed } from '../support/timedCalls.ts';

const minuteMs = 60_000;

function claimed(claim: Claim): Lease {
  if (claim.status !== 'claimed') throw new Error('the lease is held');
  return claim.lease;
}

describeWith(onPath('redis-server'), 'state on a Redis that fails', () => {
  let redis: RedisServer;
  const opened: { close(): void }[] = [];
  let keys = 0;
  const newKey = () => `mreg:test:${++keys}`;

  const open = (url = redis.url): StateStore => {
    const store = redisStateStore(url, systemClock);
    opened.push(store);
    return store.state;
  };
  const asAdmin = async <A>(act: (admin: Redis) => Promise<A>): Promise<A> => {
    const admin = new Redis(redis.url);
    try {
      return await act(admin);
    } finally {
      admin.disconnect();
    }
  };
  const dropConnections = () => asAdmin((admin) => admin.call('CLIENT', 'KILL', 'TYPE', 'normal'));
  /** A call may fail at once for a moment after Redis has come back. */
  const backAgain = async (store: StateStore): Promise<void> => {
    for (const end = performance.now() + BOUND_MS; performance.now() < end;) {
      if ((await timed(store.get('any'))).fault === undefined) return;
      await delay(20);
    }
    throw new Error('Redis is back and the store is not');
  };

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });
  afterAll(() => redis.stop());

  test('a dropped connection is made again by the next call', async () => {
    const store = open();
    await store.set('dropped', 'kept', minuteMs);
    for (let i = 0; i < 5; i++) {
      await dropConnections();
      await delay(20);
      expect(await store.get('dropped')).toBe('kept');
    }
  });

  test('a connection dropped under load: each call ends clearly, and no count is given twice', async () => {
    const stores = [open(), open()];
    const key = newKey();
    const ended: Ended<number>[] = [];
    let going = true;
    const workers = Array.from({ length: 20 }, async (_, i) => {
      while (going) {
        const count = stores[i % 2]?.increment(key, 1, minuteMs).then(({ count }) => count);
        if (count) ended.push(await timed(count));
      }
    });
    for (let i = 0; i < 5; i++) {
      await delay(100);
      await dropConnections();
    }
    await delay(100);
    going = false;
    await Promise.all(workers);

    for (const end of ended) expectClear(end);
    const counts = ended.flatMap(({ value }) => value ?? []);
    expect(counts.length).toBeGreaterThan(100);
    expect(new Set(counts).size).toBe(counts.length);
    // A call that failed may have counted, once.
    const total = (await stores[0]?.increment(key, 1, minuteMs))?.count ?? 0;
    expect(total - 1).toBeGreaterThanOrEqual(counts.length);
    expect(total - 1).toBeLessThanOrEqual(ended.length);
  });

  test('a Redis that answers nothing makes calls fail within the bound, and works once it answers again', async () => {
    const used = open();
    await used.set('frozen', 'kept', minuteMs);
    redis.freeze();
    try {
      const unused = open();
      const calls = [used, unused].flatMap((store) => [store.get('frozen'), store.claim(newKey(), minuteMs)]);
      for (const end of await Promise.all(calls.map((call) => timed<unknown>(call)))) {
        expectClear(end);
        expect(end.fault).toBeDefined();
      }
      expectClear(await timed(used.get('frozen')));
    } finally {
      redis.thaw();
    }
    await backAgain(used);
    expect(await used.get('frozen')).toBe('kept');
  });

  test('no more than 10,000 calls wait for it', async () => {
    const store = open();
    await store.get('any');
    redis.freeze();
    try {
      const waiting = Array.from({ length: 10_000 }, () => timed(store.get('any')));
      const tooMany = await timed(store.get('any'));
      expect(tooMany.tookMs).toBeLessThan(500);
      expect(tooMany.fault).toMatchObject({ cause: { message: 'too many calls wait' } });
      for (const end of await Promise.all(waiting)) expectClear(end);
    } finally {
      redis.thaw();
    }
    await backAgain(store);
  });

  test('killed and restarted under load: nothing hangs, it works again, and leases of then are lost', async () => {
    const stores = [open(), open()];
    const counter = newKey();
    const guarded = newKey();
    const ended: Ended<unknown>[] = [];
    const grants: { readonly lease: Lease; readonly from: number; until: number }[] = [];
    let going = true;

    const holdForAWhile = async (store: StateStore) => {
      const claim = await store.claim(guarded, minuteMs);
      if (claim.status === 'held') return;
      const grant = { lease: claim.lease, from: performance.now(), until: Infinity };
      grants.push(grant);
      await delay(5);
      await store.renew(claim.lease, minuteMs);
      grant.until = performance.now();
      await store.release(claim.lease);
    };
    const workers = Array.from({ length: 20 }, async (_, i) => {
      const store = stores[i % 2];
      while (going && store) {
        ended.push(
          await timed<unknown>(i < 10 ? holdForAWhile(store) : store.increment(counter, 1, minuteMs)),
        );
      }
    });
    await delay(400);
    await redis.kill();
    await delay(300);
    // Nothing is granted between the two: what was granted before this was granted by the Redis that is gone.
    const restartedAt = performance.now();
    await redis.restart();
    const before = ended.length;
    await delay(600);
    going = false;
    await Promise.all(workers);

    for (const end of ended) expectClear(end);
    expect(ended.some(({ fault }) => fault !== undefined)).toBe(true);
    expect(ended.slice(before).filter(({ fault }) => fault === undefined).length).toBeGreaterThan(100);
    grants.sort((a, b) => a.lease.fence - b.lease.fence);
    const fences = grants.map(({ lease }) => lease.fence);
    expect(new Set(fences).size).toBe(fences.length);
    const [old, young] = [
      grants.filter(({ from }) => from < restartedAt),
      grants.filter(({ from }) => from >= restartedAt),
    ];
    for (const some of [old, young]) {
      expect(some.length).toBeGreaterThan(5);
      // By their fences, each began when the one before it had been given back.
      for (const [i, { from }] of some.entries())
        expect(from).toBeGreaterThanOrEqual(some[i - 1]?.until ?? 0);
    }
    expect(Math.min(...young.map(({ lease }) => lease.fence))).toBeGreaterThan(
      Math.max(...old.map(({ lease }) => lease.fence)),
    );
    for (const { lease } of old) expect(await stores[0]?.renew(lease, minuteMs)).toEqual({ status: 'lost' });
  });

  test('a lease that Redis forgot goes to another, whose fence tells the guarded thing who is newer', async () => {
    const [first, second] = [open(), open()];
    const key = newKey();
    const old = claimed(await first.claim(key, minuteMs));
    await redis.restart();
    await backAgain(second);
    const young = claimed(await second.claim(key, minuteMs));
    expect(young.fence).toBeGreaterThan(old.fence);
    await backAgain(first);
    expect(await first.renew(old, minuteMs)).toEqual({ status: 'lost' });
    expect(await first.release(old)).toBe('lost');
    expect((await second.renew(young, minuteMs)).status).toBe('renewed');
  });

  test('a fence grows over a clock that was set back, while its last grant is remembered', async () => {
    const key = newKey();
    const future = 4_000_000_000_000_000;
    await asAdmin((admin) => admin.hset(`lease:${key}`, { fence: future, ends: 0 }));
    expect(claimed(await open().claim(key, minuteMs)).fence).toBe(future + 1);
  });

  test('nothing it keeps stays for ever: a lease leaves an hour after its end', async () => {
    const [store, key] = [open(), newKey()];
    await store.set(key, 'value', minuteMs);
    await store.increment(key, 1, minuteMs);
    const lease = claimed(await store.claim(key, minuteMs));
    const ttls = () =>
      asAdmin((admin) =>
        Promise.all([key, `counter:${key}`, `lease:${key}`].map((name) => admin.pttl(name))),
      );
    expect((await ttls()).map((ms) => Math.ceil(ms / minuteMs))).toEqual([1, 1, 61]);
    await store.release(lease);
    expect((await ttls()).map((ms) => Math.ceil(ms / minuteMs))).toEqual([1, 1, 60]);
  });

  test('credentials of the URL sign in, and show up in no fault', async () => {
    const secret = 'p@ss/w:rd';
    await asAdmin((admin) => admin.call('ACL', 'SETUSER', 'app', 'on', `>${secret}`, '~*', '+@all'));
    const at = (password: string) => `redis://app:${encodeURIComponent(password)}@127.0.0.1:${redis.port}`;
    await open(at(secret)).set('signed in', 'yes', minuteMs);
    expect(await open().get('signed in')).toBe('yes');

    const { fault } = await timed(open(at('wrong-one')).set('signed in', 'no', minuteMs));
    expect(fault).toMatchObject({
      part: 'redis',
      cause: { message: expect.stringContaining('WRONGPASS') as string },
    });
    expect(inspect(fault, { depth: 10, showHidden: true })).not.toContain('wrong-one');
  });

  test('a refused command shows neither key nor value in its fault', async () => {
    await asAdmin((admin) =>
      admin.call('ACL', 'SETUSER', 'reader', 'on', '>x', '~*', '+@read', '+@connection'),
    );
    const { fault } = await timed(
      open(`redis://reader:x@127.0.0.1:${redis.port}`).set('private-key', 'private-value', minuteMs),
    );
    expect(fault).toMatchObject({ part: 'redis', message: 'redis: set failed' });
    expect(inspect(fault, { depth: 10, showHidden: true })).not.toMatch(/private-(key|value)/);
  });

  test('a store that was closed fails', async () => {
    const store = redisStateStore(redis.url, systemClock);
    await store.state.get('any');
    store.close();
    for (let i = 0; i < 3; i++) {
      expect((await timed(store.state.get('any'))).fault).toMatchObject({ part: 'redis' });
      await delay(20);
    }
  });
});
