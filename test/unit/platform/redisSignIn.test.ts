import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { UnsecuredJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IdentityToken } from '../../../shared/platform/managedIdentity/appIdentity.ts';
import { redisSignIn } from '../../../shared/platform/state/redisSignIn.ts';

const MINUTE_MS = 60_000;
const objectId = '6e5d4c3b-2a1f-4f8c-9e6d-4b3a7c2e1f0d';

/** The parts of the client that signing in uses. */
class FakeRedis extends EventEmitter {
  readonly options: { username?: string; password?: string } = {};
  readonly auths: [user: string, token: string][] = [];
  status = 'wait';
  reject: Error | undefined;

  auth(user: string, token: string): Promise<'OK'> {
    this.auths.push([user, token]);
    return this.reject ? Promise.reject(this.reject) : Promise.resolve('OK');
  }
  become(status: 'ready' | 'close'): void {
    this.status = status;
    this.emit(status);
  }
}

let issued = 0;
const tokenFor = (validMs: number): IdentityToken => ({
  token: new UnsecuredJWT({ oid: objectId, number: ++issued }).encode(),
  expiresOnTimestamp: Date.now() + validMs,
});

type Issue = (scopes: string | string[]) => Promise<IdentityToken>;

function signedIn(identity: { readonly getToken?: Issue; readonly renewToken?: Issue } = {}) {
  const redis = new FakeRedis();
  const failures: unknown[] = [];
  const asked: string[] = [];
  const renewed: IdentityToken[] = [];
  const prepare = redisSignIn(redis as unknown as Redis, {
    identity: {
      getToken: (scopes) => {
        asked.push(String(scopes));
        return Promise.resolve(tokenFor(60 * MINUTE_MS));
      },
      renewToken: () => {
        const token = tokenFor(60 * MINUTE_MS);
        renewed.push(token);
        return Promise.resolve(token);
      },
      ...identity,
    },
    onFailure: (error) => failures.push(error),
  });
  const connect = async () => {
    await prepare();
    redis.become('ready');
  };
  return { redis, prepare, connect, failures, asked, renewed };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a connection to a Redis without a key', () => {
  test('begins with a token of its own, for the object id of the identity', async () => {
    const { redis, prepare, asked } = signedIn();
    await prepare();
    const first = redis.options.password;
    expect(redis.options.username).toBe(objectId);
    expect(asked).toEqual(['https://redis.azure.com/.default']);
    await prepare();
    expect(redis.options.password).not.toBe(first);
  });

  test('signs in anew five minutes before each token ends, and not earlier', async () => {
    const { redis, connect, renewed, failures } = signedIn();
    await connect();
    for (let times = 1; times <= 3; times++) {
      await vi.advanceTimersByTimeAsync(55 * MINUTE_MS - 1);
      expect(redis.auths).toHaveLength(times - 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(redis.auths).toHaveLength(times);
    }
    expect(redis.auths).toEqual(renewed.map(({ token }) => [objectId, token]));
    expect(failures).toEqual([]);
  });

  test('tries a failed renewal again after 30 seconds, and reports each failure', async () => {
    let fault: Error | undefined = new Error('no token');
    const { redis, connect, failures } = signedIn({
      renewToken: () => (fault ? Promise.reject(fault) : Promise.resolve(tokenFor(60 * MINUTE_MS))),
    });
    await connect();
    await vi.advanceTimersByTimeAsync(55 * MINUTE_MS);
    expect(failures).toHaveLength(1);
    fault = undefined;
    redis.reject = new Error('WRONGPASS');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(failures).toEqual([new Error('no token'), new Error('WRONGPASS')]);
    redis.reject = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(redis.auths).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(55 * MINUTE_MS - 1);
    expect(redis.auths).toHaveLength(2);
  });

  test('asks again after 30 seconds when Azure issues the token that is about to end', async () => {
    const last = tokenFor(60 * MINUTE_MS);
    const { redis, connect } = signedIn({
      getToken: () => Promise.resolve(last),
      renewToken: () => Promise.resolve(last),
    });
    await connect();
    await vi.advanceTimersByTimeAsync(55 * MINUTE_MS + 60_000);
    expect(redis.auths).toHaveLength(3);
  });

  test('does not renew at once when the clock was set back by months', async () => {
    const { redis, connect } = signedIn({
      getToken: () => Promise.resolve(tokenFor(90 * 24 * 60 * MINUTE_MS)),
    });
    await connect();
    await vi.advanceTimersByTimeAsync(24 * 60 * MINUTE_MS);
    expect(redis.auths).toEqual([]);
  });

  test('renews nothing after it has closed', async () => {
    const late = Promise.withResolvers<IdentityToken>();
    const { redis, connect, failures } = signedIn({ renewToken: () => late.promise });
    await connect();
    await vi.advanceTimersByTimeAsync(55 * MINUTE_MS);
    redis.become('close');
    late.resolve(tokenFor(60 * MINUTE_MS));
    await vi.advanceTimersByTimeAsync(600 * MINUTE_MS);
    expect(redis.auths).toEqual([]);
    expect(failures).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('fails within two seconds when there is no token', async () => {
    const { prepare } = signedIn({ getToken: () => new Promise(() => undefined) });
    vi.useRealTimers();
    const startedAt = performance.now();
    await expect(prepare()).rejects.toThrow('no token for Redis in time');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  test('fails when the token names no user', async () => {
    const { prepare } = signedIn({
      getToken: () => Promise.resolve({ ...tokenFor(1), token: new UnsecuredJWT({}).encode() }),
    });
    await expect(prepare()).rejects.toThrow('the token for Redis names no object id');
  });
});
