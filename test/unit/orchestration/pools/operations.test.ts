import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { operationNames, unitsOf } from '../../../../shared/orchestration/pools/operations.ts';
import { poolLimits, shares, type Units } from '../../../../shared/orchestration/pools/pools.ts';

const units = (database: number, redis: number, oauth: number): Units => ({
  databaseConnections: database,
  redisConnections: redis,
  oauthValidations: oauth,
});

test('the pools have the agreed numbers', () => {
  expect(poolLimits).toEqual({
    database_connections: { maxPoolSize: 20, reservedForManagement: 8, reservedForMcp: 8, sharedPool: 4 },
    redis_connections: { maxPoolSize: 10, sessionConnections: 4, cacheConnections: 4, pubSubConnections: 2 },
    oauth_tokens: { maxConcurrentValidations: 50, tokenCacheSize: 1000, refreshThresholdMinutes: 5 },
  });
});

test('the shares of each pool, and its uses, add up to its size', () => {
  for (const { reserved, shared, maxPoolSize } of shares) {
    expect(reserved.management + reserved.mcp + shared).toBe(maxPoolSize);
  }
  const { maxPoolSize, ...uses } = poolLimits.redis_connections;
  expect(Object.values(uses).reduce<number>((sum, use) => sum + use, 0)).toBe(maxPoolSize);
});

describe('the load of', () => {
  test.each<[string, object, Units, string]>([
    ['bulk_server_registration', { serverCount: 0, adminCount: 0 }, units(0, 2, 0), 'nothing to register'],
    ['bulk_server_registration', { serverCount: 4, adminCount: 1 }, units(0, 2, 1), 'less than five'],
    ['bulk_server_registration', { serverCount: 14, adminCount: 3 }, units(2, 2, 3), 'rounded down'],
    ['bulk_server_registration', { serverCount: 20, adminCount: 60 }, units(4, 2, 60), 'all that is shared'],
    ['bulk_server_registration', { serverCount: 500, adminCount: 2 }, units(4, 2, 2), 'never more than that'],
    ['quality_gate', { checkCount: 5 }, units(3, 1, 1), 'rounded up'],
    ['quality_gate', { checkCount: 50 }, units(4, 1, 1), 'never more than is shared'],
    ['plan', { stepCount: 4 }, units(1, 1, 0), 'few steps'],
    ['plan', { stepCount: 6 }, units(2, 1, 0), 'rounded up'],
    ['plan', { stepCount: 100 }, units(4, 1, 0), 'never more than is shared'],
    ['system_report', {}, units(2, 1, 1), 'always the same'],
    ['catalogue_refresh', { serverCount: 20 }, units(1, 1, 0), 'one page'],
    ['catalogue_refresh', { serverCount: 21 }, units(2, 1, 0), 'two pages'],
  ])('%s %j takes %j: %s', (operation, load, expected) => {
    expect(unitsOf(operation, load)).toEqual({ ok: true, value: expected });
  });

  test.each<[string, unknown, string]>([
    ['bulk_server_registration', { serverCount: 5 }, 'estimatedLoad.adminCount'],
    ['bulk_server_registration', { serverCount: -1, adminCount: 1 }, 'estimatedLoad.serverCount'],
    ['bulk_server_registration', { serverCount: 1.5, adminCount: 1 }, 'estimatedLoad.serverCount'],
    ['bulk_server_registration', { serverCount: '5', adminCount: 1 }, 'estimatedLoad.serverCount'],
    [
      'bulk_server_registration',
      { server_count: 5, serverCount: 5, adminCount: 1 },
      'estimatedLoad.server_count',
    ],
    ['plan', {}, 'estimatedLoad.stepCount'],
    ['plan', null, 'estimatedLoad'],
    ['plan', 7, 'estimatedLoad'],
    ['system_report', { force: true }, 'estimatedLoad.force'],
  ])('%s is not %j: %s is named', (operation, load, path) => {
    expect(unitsOf(operation, load)).toMatchObject({
      ok: false,
      error: { kind: 'invalid', errors: [{ path }] },
    });
  });
});

test.each([
  ['bulk_server_registraton', 'did you mean "bulk_server_registration"?'],
  ['Plan', 'did you mean "plan"?'],
  ['constructor', 'known: bulk_server_registration, quality_gate, plan, system_report, catalogue_refresh'],
  ['', 'known: '],
])('an operation %j is not known, and the answer says which are', (name, words) => {
  expect(unitsOf(name, {})).toMatchObject({
    ok: false,
    error: { kind: 'not_found', message: expect.stringContaining(words) as string },
  });
});

test('whatever its load, an operation takes a connection to Redis: ten of them are all there can be', () => {
  const count = fc.nat(1_000_000);
  fc.assert(
    fc.property(fc.constantFrom(...operationNames), count, count, (name, first, second) => {
      const loads = [
        {},
        { serverCount: first },
        { checkCount: first },
        { stepCount: first },
        { serverCount: first, adminCount: second },
      ];
      const taken = loads.map((load) => unitsOf(name, load)).filter((result) => result.ok);
      expect(taken).toHaveLength(1);
      expect(taken[0]?.value.redisConnections).toBeGreaterThan(0);
    }),
  );
});
