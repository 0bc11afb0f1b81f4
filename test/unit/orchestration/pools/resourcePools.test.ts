import { beforeEach, describe, expect, test } from 'vitest';
import {
  type AllocationRequest,
  createResourcePools,
  type ResourcePools,
} from '../../../../shared/orchestration/pools/resourcePools.ts';
import { InfrastructureError } from '../../../../shared/platform/base/errors.ts';
import { randomId } from '../../../../shared/platform/base/ids.ts';
import { azureTableStateStore } from '../../../../shared/platform/state/azureTableStateStore.ts';
import type { StateStore } from '../../../../shared/platform/state/stateStore.ts';
import { memoryTables } from '../../../support/memoryTables.ts';

const minuteMs = 60_000;
const begin = Date.UTC(2026, 0, 1);
const tenants = new Set(['contoso']);
const asker = { tenantId: 'contoso', app: 'management' } as const;
const at = (ms: number) => new Date(begin + ms).toISOString();

let now: number;
let state: StateStore;
let changes: number;
/** What another instance does between the reading and the change of this one. */
let meanwhile: () => Promise<unknown>;
let pools: ResourcePools;
beforeEach(() => {
  now = begin;
  changes = 0;
  meanwhile = () => Promise.resolve();
  const clock = { now: () => new Date(now) };
  const kept = azureTableStateStore(memoryTables(), clock).state;
  state = {
    ...kept,
    compareAndSet: async (...args) => {
      changes += 1;
      await meanwhile();
      return kept.compareAndSet(...args);
    },
  };
  pools = createResourcePools({ state, clock, newId: randomId, tenants });
});

const request = (more: Partial<AllocationRequest> = {}): AllocationRequest => ({
  tenantId: 'contoso',
  app: 'management',
  operation: 'bulk_server_registration',
  estimatedLoad: { serverCount: 20, adminCount: 1 },
  ...more,
});
const allocated = async (more: Partial<AllocationRequest> = {}) => {
  const result = await pools.allocate(request(more));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};
const inUse = async () => (await pools.usage(asker)).map(({ inUse }) => inUse);

describe('an allocation', () => {
  test('says what was granted and until when, and counts as in use until it is released', async () => {
    const granted = await allocated();
    expect(granted).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      operation: 'bulk_server_registration',
      allocation: { databaseConnections: 4, redisConnections: 2, oauthValidations: 1 },
      expiresAt: at(5 * minuteMs),
    });
    expect(await pools.find('contoso', granted.id)).toEqual(granted);
    expect(await inUse()).toEqual([4, 2, 1]);
    expect(await pools.release('contoso', granted.id)).toBe('released');
    expect(await inUse()).toEqual([0, 0, 0]);
    expect(await pools.find('contoso', granted.id)).toBeUndefined();
    expect(await pools.release('contoso', granted.id)).toBe('absent');
  });

  test("of another tenant is absent, and is not released by one's own", async () => {
    const { id } = await allocated();
    expect(await pools.find('fabrikam', id)).toBeUndefined();
    expect(await pools.release('fabrikam', id)).toBe('absent');
    expect(await inUse()).toEqual([4, 2, 1]);
  });

  test('ends by itself after five minutes, or what was asked for', async () => {
    const short = await allocated();
    const long = await allocated({ holdForMs: 60 * minuteMs });
    now += 5 * minuteMs;
    expect(await pools.find('contoso', short.id)).toBeUndefined();
    expect(await pools.release('contoso', short.id)).toBe('absent');
    expect(await inUse()).toEqual([4, 2, 1]);
    expect(long.expiresAt).toBe(at(60 * minuteMs));
    now = begin + 60 * minuteMs;
    expect(await inUse()).toEqual([0, 0, 0]);
  });

  test('outlives the quiet: nobody else has to come by', async () => {
    const { id } = await allocated({ holdForMs: 60 * minuteMs });
    now = begin + 60 * minuteMs - 1;
    expect(await pools.find('contoso', id)).toBeDefined();
  });

  test.each([0, -1, 0.5, NaN, 60 * minuteMs + 1])('cannot be held for %d ms', async (holdForMs) => {
    await expect(pools.allocate(request({ holdForMs }))).rejects.toThrow(RangeError);
    expect(changes).toBe(0);
  });

  test('that is not in order changes nothing', async () => {
    expect(await pools.allocate(request({ operation: 'plans' }))).toMatchObject({
      error: { kind: 'not_found' },
    });
    expect(await pools.allocate(request({ estimatedLoad: {} }))).toMatchObject({
      error: { kind: 'invalid' },
    });
    expect(changes).toBe(0);
  });
});

describe('a refusal', () => {
  test('says which pool, how much was asked for, how much is free, and when to come again', async () => {
    await allocated({ holdForMs: 90_000 });
    await allocated();
    await allocated();
    now += 500;
    expect(await pools.allocate(request())).toEqual({
      ok: false,
      error: {
        kind: 'exhausted',
        message:
          'not enough for bulk_server_registration of the management app (database_connections: 4 asked, 0 free); ' +
          'try again in 90 seconds, or when something is released',
        retryAfterMs: 89_500,
      },
    });
    expect(await inUse()).toEqual([12, 6, 3]);
  });

  test('of more than the caller can ever have says so', async () => {
    const estimatedLoad = { serverCount: 5, adminCount: 51 };
    expect(await pools.allocate(request({ estimatedLoad }))).toMatchObject({
      error: {
        kind: 'exhausted',
        message: expect.stringMatching(
          /\(oauth_tokens: 51 asked, 50 free, 50 at most\); .* ask for less$/,
        ) as string,
        retryAfterMs: 3_600_000,
      },
    });
  });

  test('tells nothing of who holds what', async () => {
    await allocated({ tenantId: 'fabrikam', estimatedLoad: { serverCount: 0, adminCount: 50 } });
    expect(JSON.stringify(await pools.allocate(request()))).not.toContain('fabrikam');
  });
});

describe('what other instances do in between', () => {
  test('is taken into account', async () => {
    const other = createResourcePools({
      state,
      clock: { now: () => new Date(now) },
      newId: randomId,
      tenants,
    });
    const load = { serverCount: 0, adminCount: 30 };
    meanwhile = async () => {
      meanwhile = () => Promise.resolve();
      await other.allocate(request({ estimatedLoad: load }));
    };
    expect(await pools.allocate(request({ estimatedLoad: load }))).toMatchObject({
      error: { kind: 'exhausted' },
    });
    expect(await inUse()).toEqual([0, 2, 30]);
  });

  test('can hold up a change, but not for ever', async () => {
    let other = 0;
    meanwhile = () => state.set('mreg:pools', `[${' '.repeat(++other)}]`, minuteMs);
    await expect(pools.allocate(request())).rejects.toThrow(InfrastructureError);
    expect(changes).toBe(20);
    meanwhile = () => Promise.resolve();
    await allocated();
  });
});

test('a hundred callers of one instance take turns: no change is made in vain', async () => {
  const results = await Promise.all(Array.from({ length: 100 }, () => pools.allocate(request())));
  expect(results.filter(({ ok }) => ok)).toHaveLength(3);
  expect(changes).toBe(3);
});

test('the state that was forgotten leaves everything free', async () => {
  await allocated();
  await state.delete('mreg:pools');
  expect(await inUse()).toEqual([0, 0, 0]);
});

test.each(['{', '{}', '[1]', '[{"id":"x","units":{"databaseConnections":-4}}]'])(
  'a value that is not one of ours, %s, counts as nothing held and is written over',
  async (text) => {
    await state.set('mreg:pools', text, minuteMs);
    expect(await inUse()).toEqual([0, 0, 0]);
    await allocated();
    expect(await inUse()).toEqual([4, 2, 1]);
  },
);

test('an outage is thrown and never reads as free', async () => {
  const down = () => Promise.reject(new InfrastructureError('redis', 'get', undefined));
  const away = createResourcePools({
    state: { ...state, get: down },
    clock: { now: () => new Date(now) },
    newId: randomId,
    tenants,
  });
  await expect(away.usage(asker)).rejects.toThrow(InfrastructureError);
  await expect(away.allocate(request())).rejects.toThrow(InfrastructureError);
  await expect(away.release('contoso', 'x')).rejects.toThrow(InfrastructureError);
});

describe('of a gateway of two tenants', () => {
  const two = new Set(['contoso', 'fabrikam']);
  beforeEach(() => {
    pools = createResourcePools({
      state,
      clock: { now: () => new Date(now) },
      newId: randomId,
      tenants: two,
    });
  });
  const plan = { operation: 'plan', estimatedLoad: { stepCount: 1 } };

  test('a flood of one tenant gets half of each pool, and the other tenant what is left', async () => {
    const flood = await Promise.all(Array.from({ length: 50 }, () => pools.allocate(request(plan))));
    expect(flood.filter(({ ok }) => ok)).toHaveLength(5);
    expect(await pools.allocate(request({ ...plan, tenantId: 'fabrikam' }))).toMatchObject({ ok: true });
    expect((await pools.usage(asker)).map(({ name, tenant }) => ({ name, ...tenant }))).toEqual([
      { name: 'database_connections', inUse: 5, atMost: 6 },
      { name: 'redis_connections', inUse: 5, atMost: 5 },
      { name: 'oauth_tokens', inUse: 0, atMost: 25 },
    ]);
  });

  test('one tenant gets no more of an unreserved pool through both apps', async () => {
    const validations = { estimatedLoad: { serverCount: 0, adminCount: 25 } };
    await allocated({ ...validations, app: 'mcp' });
    expect(await pools.allocate(request(validations))).toMatchObject({ error: { kind: 'exhausted' } });
    expect(await pools.allocate(request({ ...validations, tenantId: 'fabrikam' }))).toMatchObject({
      ok: true,
    });
  });

  test('a refusal says when it is the share of the own tenant that is used up', async () => {
    await allocated({ holdForMs: 90_000 });
    expect(await pools.allocate(request())).toEqual({
      ok: false,
      error: {
        kind: 'exhausted',
        message:
          'not enough for bulk_server_registration of the management app (database_connections: 4 asked, and your ' +
          'tenant holds 4 of the 6 that it may); try again in 90 seconds, or when something is released',
        retryAfterMs: 90_000,
      },
    });
  });

  test('the first request of a tenant waits for one of the flood, not for all of them', async () => {
    const ended: string[] = [];
    const ask = (tenantId: string) =>
      pools.allocate(request({ ...plan, tenantId })).then(() => ended.push(tenantId));
    const flood = Array.from({ length: 500 }, () => ask('contoso'));
    await ask('fabrikam');
    expect(ended.length).toBeLessThanOrEqual(3);
    await Promise.all(flood);
  });
});
