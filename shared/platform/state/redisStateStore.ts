import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import * as z from 'zod';
import type { Clock } from '../base/clock.ts';
import { InfrastructureError } from '../base/errors.ts';
import { lazily } from '../base/lazily.ts';
import type { RedisConnection } from './redisConnection.ts';
import { type RedisInspection, redisInspection } from './redisInspection.ts';
import type { RedisSignInDeps } from './redisSignIn.ts';
import * as scripts from './redisStateScripts.ts';
import { withinBounds } from './stateBounds.ts';
import type { StateStore } from './stateStore.ts';

/** Concurrent calls of one instance. Further calls fail at once. */
const MAX_PENDING = 10_000;

const flag = z.union([z.literal(0), z.literal(1)]);
const pair = z.tuple([z.number(), z.number()]);

/** Returns the Redis key. Only values have no prefix, unless their key looks like that of a counter or a lease. */
const keyOf = (kind: 'value' | 'counter' | 'lease', key: string): string =>
  kind === 'value' && !/^(value|counter|lease):/.test(key) ? key : `${kind}:${key}`;

/**
 * State on one Redis. Redis must not evict (`noeviction`). A `rediss://` URL without a key means the identity of `signIn`.
 * The store connects with the first call, and again with the first call after a lost connection.
 */
export function redisStateStore(
  url: string,
  clock: Clock,
  signIn?: RedisSignInDeps,
): { state: StateStore; inspection: RedisInspection; close(): void } {
  if (!/^rediss?:\/\/[^?#\s]+$/.test(url) || !URL.canParse(url))
    throw new RangeError('the Redis URL must be redis:// or rediss:// and have no query');
  const isByIdentity = url.startsWith('rediss:') && new URL(url).password === '';
  if (isByIdentity && !signIn) throw new RangeError('a rediss:// URL without a key needs an identity');
  let pending = 0;
  let opened: RedisConnection | undefined;
  let closed = false;

  /** ioredis is imported with the first call, so that no cold start pays for it. */
  const connection = lazily(async () => {
    const { openRedisConnection } = await import('./redisConnection.ts');
    opened = openRedisConnection(url, isByIdentity ? signIn : undefined);
    return opened;
  });

  async function run<A>(operation: string, act: (redis: Redis) => Promise<A>): Promise<A> {
    pending += 1;
    try {
      if (pending > MAX_PENDING) throw new Error('too many calls wait');
      const { ready } = await connection();
      if (closed) throw new Error('the state store is closed');
      return await act(await ready());
    } catch (error) {
      // A caller that retries at once must leave the event loop time to see that the connection has closed.
      await nextTurn();
      throw new InfrastructureError('redis', operation, withoutCommand(error));
    } finally {
      pending -= 1;
    }
  }
  const leaseEnd = (ttlMs: number) => new Date(clock.now().getTime() + ttlMs);

  const state: StateStore = {
    get: (key) => run('get', async (redis) => (await redis.get(keyOf('value', key))) ?? undefined),
    set: (key, value, ttlMs) =>
      run('set', async (redis) => {
        await redis.set(keyOf('value', key), value, 'PX', ttlMs);
      }),
    delete: (key) =>
      run('delete', async (redis) => ((await redis.del(keyOf('value', key))) === 1 ? 'deleted' : 'absent')),
    compareAndSet: (key, expected, value, ttlMs) =>
      run('compare and set', async (redis) => {
        const args = [expected === undefined ? '0' : '1', expected ?? '', value, ttlMs];
        const stored = await redis.eval(scripts.compareAndSet, 1, keyOf('value', key), ...args);
        return flag.parse(stored) === 1 ? 'stored' : 'conflict';
      }),
    increment: (key, by, windowMs) =>
      run('increment', async (redis) => {
        const reply = await redis.eval(scripts.increment, 1, keyOf('counter', key), by, windowMs);
        const [count, remainingMs] = pair.parse(reply);
        return { count, remainingMs };
      }),
    claim: (key, ttlMs) =>
      run('claim', async (redis) => {
        const expiresAt = leaseEnd(ttlMs);
        const [claimed, number] = pair.parse(await redis.eval(scripts.claim, 1, keyOf('lease', key), ttlMs));
        return claimed === 1
          ? { status: 'claimed', lease: { key, fence: number, expiresAt } }
          : { status: 'held', retryAfterMs: number };
      }),
    renew: ({ key, fence }, ttlMs) =>
      run('renew', async (redis) => {
        const expiresAt = leaseEnd(ttlMs);
        const renewed = await redis.eval(scripts.renew, 1, keyOf('lease', key), fence, ttlMs);
        return flag.parse(renewed) === 1
          ? { status: 'renewed', lease: { key, fence, expiresAt } }
          : { status: 'lost' };
      }),
    release: ({ key, fence }) =>
      run('release', async (redis) => {
        const released = await redis.eval(scripts.renew, 1, keyOf('lease', key), fence, 0);
        return flag.parse(released) === 1 ? 'released' : 'lost';
      }),
  };
  return {
    state: withinBounds(state),
    inspection: redisInspection(run),
    close: () => {
      closed = true;
      opened?.close();
    },
  };
}

/** ioredis adds the command to its errors: keys, values and, after a failed sign-in, the password. */
function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return error;
}
