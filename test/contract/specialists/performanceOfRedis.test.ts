import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { type OpenedStateStore, openStateStore } from '../../../shared/platform/state/openStateStore.ts';
import { redisTasks } from '../../../shared/specialists/mcp-performance-optimizer/redisTasks.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { describeWith, onPath } from '../../support/requirement.ts';
import { runTask } from '../../support/taskRun.ts';

const all = ['redis_caching_strategy', 'redis_connectivity_test', 'check_redis_connectivity'];
const run = (state: OpenedStateStore, name: string) => runTask(redisTasks({ state }), name);
const openStore = (redisUrl: string | undefined) =>
  openStateStore({ redisUrl, open: memoryTables(), clock: systemClock });

describeWith(onPath('redis-server'), 'a look at Redis', () => {
  let redis: RedisServer;
  let admin: Redis;
  let state: OpenedStateStore;
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
    state = openStore(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    state.close();
    await redis.stop();
  });
  beforeEach(async () => {
    await admin.flushall();
    await admin.config('RESETSTAT');
  });
  const strategy = () => run(state, 'redis_caching_strategy');
  const finding = (more: object) => ({ success: true, result: { findings: [more] } });

  test.each(all)('that is well finds nothing: %s, and leaves nothing', async (name) => {
    expect(await run(state, name)).toMatchObject({ result: { findings: [] } });
    expect(await admin.dbsize()).toBe(0);
  });

  test('counts keys and their times by what they are for, and tells none of their ids', async () => {
    for (let id = 0; id < 700; id++) await admin.set(`mreg:session:secret${id}`, 'x', 'EX', 100 + id);
    await admin.set('lease:mreg:refresh:secret-tenant:secret-slug', 'x', 'EX', 50);
    const outcome = await strategy();
    expect(outcome).toMatchObject({
      result: {
        facts: {
          keys: {
            scanned: 701,
            isWhole: true,
            prefixes: [
              { prefix: 'mreg:session:', keys: 700, withoutTtl: 0, longestTtlSeconds: 799 },
              { prefix: 'lease:mreg:refresh:', keys: 1 },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  test('names the prefix of keys that have no end, and not who else has some', async () => {
    await admin.set('mreg:session:endless', 'x');
    await admin.set('mreg:session:other', 'x', 'EX', 100);
    expect(await strategy()).toMatchObject(
      finding({
        rule: 'redis_keys_without_ttl',
        evidence: { prefix: 'mreg:session:', keys: 2, withoutTtl: 1 },
      }),
    );
    await admin.flushall();
    await admin.set('payroll:alice', 'x');
    const outcome = await strategy();
    expect(outcome).toMatchObject(finding({ evidence: { prefix: 'other', withoutTtl: 1 } }));
    expect(JSON.stringify(outcome)).not.toContain('payroll');
  });

  test('looks at a part of many keys and says so', async () => {
    await admin.eval(`for i = 1, 8000 do redis.call('SET', 'mreg:session:' .. i, 'x', 'EX', 100) end`, 0);
    expect(await strategy()).toMatchObject({ result: { facts: { keys: { isWhole: false } }, findings: [] } });
  });

  test('finds that few reads find something', async () => {
    for (let read = 0; read < 1_200; read++) await admin.get('mreg:session:nobody');
    expect(await strategy()).toMatchObject(
      finding({ rule: 'redis_low_hit_ratio', evidence: { misses: expect.any(Number) as number } }),
    );
  });

  test('finds that Redis may evict, that it has, and that it is nearly full', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await admin.config('SET', 'maxmemory', '3mb');
    try {
      for (let id = 0; id < 300; id++) await admin.set(`mreg:mcp:${id}`, 'x'.repeat(20_000), 'EX', 100);
      expect(await strategy()).toMatchObject({
        result: {
          findings: [
            { rule: 'redis_may_evict', evidence: { evictionPolicy: 'allkeys-lru' } },
            { rule: 'redis_evicted', evidence: { evictedKeys: expect.any(Number) as number } },
            { rule: 'redis_memory_full' },
          ],
        },
      });
      expect(await run(state, 'redis_connectivity_test')).toMatchObject({ result: { passed: true } });
    } finally {
      await admin.config('SET', 'maxmemory', '0');
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
    }
  });

  test('says what a full Redis refuses', async () => {
    await admin.config('SET', 'maxmemory', '1');
    try {
      expect(await run(state, 'redis_connectivity_test')).toMatchObject({
        result: { passed: false, findings: [{ rule: 'redis_unreachable', evidence: { reason: 'OOM' } }] },
      });
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
  });

  test('measures what it can where it may not ask for figures', async () => {
    await admin.call('ACL', 'SETUSER', 'modest', 'on', '>pw', '~*', '+@all', '-info', '-scan');
    const modest = openStore(redis.url.replace('redis://', 'redis://modest:pw@'));
    const outcome = await run(modest, 'redis_caching_strategy');
    modest.close();
    expect(outcome).toMatchObject({
      result: {
        findings: [
          { rule: 'redis_figures_missing', severity: 'info', evidence: { reason: 'NOPERM' } },
          { rule: 'redis_figures_missing', severity: 'info' },
        ],
      },
    });
  });

  test('that hangs is a finding of every task, before its deadline', async () => {
    const frozen = await startRedis();
    const store = openStore(frozen.url);
    frozen.freeze();
    try {
      for (const outcome of await Promise.all(all.map((name) => run(store, name)))) {
        expect(outcome).toMatchObject(finding({ rule: 'redis_hangs', severity: 'critical' }));
      }
    } finally {
      frozen.thaw();
      store.close();
      await frozen.stop();
    }
  });
});

describe('without a Redis', () => {
  test.each(all)('%s measures the table of the state and says so', async (name) => {
    expect(await run(openStore(undefined), name)).toMatchObject({
      success: true,
      result: { findings: [{ rule: 'state_on_tables', severity: 'info' }] },
    });
  });

  test('the check passes, and the state is healthy', async () => {
    const state = openStore(undefined);
    expect(await run(state, 'redis_connectivity_test')).toMatchObject({
      result: { passed: true, evidence: { store: 'tables' } },
    });
    expect(await run(state, 'check_redis_connectivity')).toMatchObject({ result: { status: 'healthy' } });
  });
});
