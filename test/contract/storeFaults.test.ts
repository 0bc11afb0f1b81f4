import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { createTables } from '../../infra/local/tables.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { randomId } from '../../shared/platform/ids.ts';
import { openStateStore } from '../../shared/platform/openStateStore.ts';
import { openTables } from '../../shared/platform/openTables.ts';
import { lookAtStores } from '../../shared/specialists/lookAtStores.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { freePort } from '../support/freePort.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

let azurite: Azurite;
let redis: RedisServer;
let silent: { readonly port: number; close(): void };
beforeAll(async () => {
  [azurite, redis] = await Promise.all([startAzurite(), startRedis()]);
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  silent = { port: (server.address() as AddressInfo).port, close: () => server.close() };
});
afterAll(async () => {
  silent.close();
  await Promise.all([azurite.stop(), redis.stop()]);
});

/** What is found with these settings; both stores are opened anew and closed again. */
async function found(more: { tables?: string; redisUrl?: string | undefined } = {}) {
  const { tables = azurite.connectionString } = more;
  const redisUrl = 'redisUrl' in more ? more.redisUrl : redis.url;
  const openTable = openTables(tables);
  const state = openStateStore({ redisUrl, open: openTable, clock: systemClock });
  const deps = { openTable, state, newId: randomId, config: { app: 'management' } };
  try {
    const { findings } = await lookAtStores(
      deps as unknown as Parameters<typeof lookAtStores>[0],
      new AbortController().signal,
    );
    return findings.map(({ rule, evidence }) => [rule, evidence['code']]);
  } finally {
    state.close();
  }
}

const tablesAt = (port: number) =>
  azurite.connectionString.replace(
    /TableEndpoint=[^;]+/,
    `TableEndpoint=http://127.0.0.1:${port}/devstoreaccount1`,
  );

test.each([
  ['Redis', () => redis.url],
  ['the tables', () => undefined],
])('where all is well nothing is found, with the state in %s', async (_, redisUrl) => {
  expect(await found({ redisUrl: redisUrl() })).toEqual([]);
});

describe('tables', () => {
  test('at a port where nothing listens refuse', async () => {
    expect(await found({ tables: tablesAt(await freePort()) })).toEqual([['tables_refused', 'ECONNREFUSED']]);
  });

  test('that take the connection and say nothing hang, and hold nobody up longer than their time', async () => {
    const startedAt = performance.now();
    expect(await found({ tables: tablesAt(silent.port) })).toEqual([['tables_timeout', 'NO_ANSWER']]);
    expect(performance.now() - startedAt).toBeLessThan(25_000);
  });

  test('under a name that nobody has cannot be reached', async () => {
    const tables = azurite.connectionString.replace(
      /TableEndpoint=[^;]+/,
      'TableEndpoint=http://no-such-account.invalid/devstoreaccount1',
    );
    const [first] = await found({ tables });
    expect(first?.[0]).toBe('tables_unreachable');
  });

  test('with a wrong key do not let the app in', async () => {
    const key = Buffer.from('not the key').toString('base64');
    const tables = azurite.connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${key}`);
    expect((await found({ tables }))[0]?.[0]).toBe('tables_auth');
  });
});

describe('Redis', () => {
  test('that was stopped refuses', async () => {
    await redis.kill();
    expect(await found()).toEqual([['redis_refused', 'ECONNREFUSED']]);
    await redis.restart();
    expect(await found()).toEqual([]);
  });

  test('that has stopped answering hangs', async () => {
    redis.freeze();
    try {
      expect((await found())[0]?.[0]).toBe('redis_timeout');
    } finally {
      redis.thaw();
    }
  });

  test('that wants another password does not let the app in', async () => {
    const admin = new Redis(redis.url);
    try {
      await admin.config('SET', 'requirepass', 'right');
      expect(await found()).toEqual([['redis_auth', 'NOAUTH']]);
      expect(await found({ redisUrl: redis.url.replace('//', '//:wrong@') })).toEqual([
        ['redis_auth', 'WRONGPASS'],
      ]);
    } finally {
      await admin.config('SET', 'requirepass', '');
      admin.disconnect();
    }
  });

  test('that takes no writes is busy', async () => {
    const admin = new Redis(redis.url);
    try {
      await admin.replicaof('127.0.0.1', 9);
      expect(await found()).toEqual([['redis_busy', 'READONLY']]);
    } finally {
      await admin.replicaof('NO', 'ONE');
      admin.disconnect();
    }
  });
});
