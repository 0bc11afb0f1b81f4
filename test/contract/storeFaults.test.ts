import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { openStateStore } from '../../shared/platform/state/openStateStore.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { checkStores } from '../../shared/specialists/checkStores.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { freePort } from '../support/freePort.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { describeWith, onPath } from '../support/requirement.ts';

let azurite: Azurite;
let silent: { readonly port: number; close(): void };
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  silent = { port: (server.address() as AddressInfo).port, close: () => server.close() };
});
afterAll(async () => {
  silent.close();
  await azurite.stop();
});

/** Opens both stores with these settings, checks them and closes them. Without a Redis the state is in the tables. */
async function found({
  tables = azurite.connectionString,
  redisUrl,
}: { tables?: string; redisUrl?: string } = {}) {
  const openTable = openTables(tables);
  const state = openStateStore({ redisUrl, open: openTable, clock: systemClock });
  const deps = { openTable, state, newId: randomId, config: { app: 'management' } };
  try {
    const { findings } = await checkStores(
      deps as unknown as Parameters<typeof checkStores>[0],
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

test('healthy tables have no finding', async () => {
  expect(await found()).toEqual([]);
});

describe('tables', () => {
  test('at a port where nothing listens refuse', async () => {
    expect(await found({ tables: tablesAt(await freePort()) })).toEqual([
      ['tables_refused', 'ECONNREFUSED'],
      ['state_refused', 'ECONNREFUSED'],
    ]);
  });

  test('that take the connection and say nothing hang, and hold nobody up longer than their time', async () => {
    const startedAt = performance.now();
    expect(await found({ tables: tablesAt(silent.port) })).toEqual([
      ['tables_timeout', 'NO_ANSWER'],
      ['state_timeout', 'NO_ANSWER'],
    ]);
    expect(performance.now() - startedAt).toBeLessThan(25_000);
  });

  test('under a name that nobody has cannot be reached', async () => {
    // The label is too long for DNS (RFC 1035, section 2.3.4), so no resolver is asked. Some drop a burst of questions.
    const tables = azurite.connectionString.replace(
      /TableEndpoint=[^;]+/,
      `TableEndpoint=http://${'a'.repeat(64)}.invalid/devstoreaccount1`,
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

describeWith(onPath('redis-server'), 'Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  const foundInRedis = () => found({ redisUrl: redis.url });

  test('that is healthy has no finding', async () => {
    expect(await foundInRedis()).toEqual([]);
  });

  test('that was stopped refuses', async () => {
    await redis.kill();
    expect(await foundInRedis()).toEqual([['redis_refused', 'ECONNREFUSED']]);
    await redis.restart();
    expect(await foundInRedis()).toEqual([]);
  });

  test('that has stopped answering hangs', async () => {
    redis.freeze();
    try {
      expect((await foundInRedis())[0]?.[0]).toBe('redis_timeout');
    } finally {
      redis.thaw();
    }
  });

  test('that wants another password does not let the app in', async () => {
    const admin = new Redis(redis.url);
    try {
      await admin.config('SET', 'requirepass', 'right');
      expect(await foundInRedis()).toEqual([['redis_auth', 'NOAUTH']]);
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
      expect(await foundInRedis()).toEqual([['redis_busy', 'READONLY']]);
    } finally {
      await admin.replicaof('NO', 'ONE');
      admin.disconnect();
    }
  });
});
