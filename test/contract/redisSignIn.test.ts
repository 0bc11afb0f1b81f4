import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { openRedisConnection, type RedisConnection } from '../../shared/platform/state/redisConnection.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { describeWith, onPath } from '../support/requirement.ts';

const objectId = '6e5d4c3b-2a1f-4f8c-9e6d-4b3a7c2e1f0d';

describeWith(onPath('redis-server'), 'a Redis that knows the tokens of an identity', () => {
  let server: RedisServer;
  let admin: Redis;
  let connection: RedisConnection;
  let issued = 0;
  let token = '';
  const failures: unknown[] = [];

  /** Azure issues another token, and Redis accepts that one alone from now on. */
  const issue = async () => {
    token = new UnsecuredJWT({ oid: objectId, number: ++issued }).encode();
    await admin.call('ACL', 'SETUSER', objectId, 'reset', 'on', `>${token}`, '~*', '&*', '+@all');
  };
  const current = () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
  const kill = () => admin.call('CLIENT', 'KILL', 'USER', objectId);

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
    await issue();
    connection = openRedisConnection(server.url, {
      identity: { getToken: current, renewToken: current },
      onFailure: (error) => failures.push(error),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  afterAll(async () => {
    connection.close();
    admin.disconnect();
    await server.stop();
  });
  const whoami = async () => (await connection.ready()).call('ACL', 'WHOAMI');

  test('is used as the object id of the identity, and after a lost connection with the token of then', async () => {
    expect(await whoami()).toBe(objectId);
    await issue();
    await kill();
    await delay(20);
    expect(await whoami()).toBe(objectId);
  });

  test('takes the next token on the open connection', async () => {
    await kill();
    await delay(20);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const redis = await connection.ready();
    const auth = vi.spyOn(redis, 'auth');
    await issue();
    vi.advanceTimersByTime(3_300_000);
    vi.useRealTimers();
    await vi.waitFor(() => {
      expect(auth).toHaveBeenCalledWith(objectId, token);
    });
    expect(await auth.mock.results[0]?.value).toBe('OK');
    expect(await redis.call('ACL', 'WHOAMI')).toBe(objectId);
    expect(failures).toEqual([]);
  });

  test('rejects another token, with an error that does not hold it', async () => {
    await kill();
    await delay(20);
    const rejected = token;
    await issue();
    const issuedNow = token;
    token = rejected;
    const fault: unknown = await connection.ready().catch((error: unknown) => error);
    expect(fault).toMatchObject({ message: expect.stringMatching(/WRONGPASS/) as string });
    expect(String((fault as Error).stack)).not.toContain(rejected);
    token = issuedNow;
    expect(await whoami()).toBe(objectId);
  });
});
