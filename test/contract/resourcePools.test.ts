import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Holding, inUse } from '../../shared/orchestration/pools/allocate.ts';
import { shares } from '../../shared/orchestration/pools/pools.ts';
import { createResourcePools, type ResourcePools } from '../../shared/orchestration/pools/resourcePools.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import type { App } from '../../shared/platform/config/config.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { startRedisBackend, startTablesBackend, type StateBackend } from '../support/stateBackends.ts';

const CALLERS = 100;
const tenants = new Set(Array.from({ length: CALLERS }, (_, caller) => `tenant-${caller}`));
const anyone = { tenantId: 'tenant-0', app: 'management' } as const;
const apps: readonly App[] = ['management', 'mcp'];
const operations = [
  { operation: 'bulk_server_registration', estimatedLoad: { serverCount: 30, adminCount: 20 } },
  { operation: 'quality_gate', estimatedLoad: { checkCount: 4 } },
  { operation: 'plan', estimatedLoad: { stepCount: 12 } },
  { operation: 'system_report', estimatedLoad: {} },
];

function suite(start: () => Promise<StateBackend>): void {
  let backend: StateBackend;
  let state: StateStore;
  let instances: Readonly<Record<App, ResourcePools>>;

  beforeAll(async () => {
    backend = await start();
    state = backend.open();
  });
  afterAll(() => backend.stop());
  beforeEach(async () => {
    await state.delete('mreg:pools');
    const instance = () =>
      createResourcePools({
        state: observed(backend.open()),
        clock: { now: () => new Date(backend.now()) },
        newId: randomId,
        tenants,
      });
    instances = { management: instance(), mcp: instance() };
    seen = [];
  });

  /** Every value that was ever stored. */
  let seen: (readonly Holding[])[];
  const observed = (store: StateStore): StateStore => ({
    ...store,
    compareAndSet: async (key, expected, value, ttlMs) => {
      const outcome = await store.compareAndSet(key, expected, value, ttlMs);
      if (outcome === 'stored') seen.push(JSON.parse(value) as readonly Holding[]);
      return outcome;
    },
  });

  /** Callers of both apps, all at once. */
  const everyone = <A>(act: (pools: ResourcePools, app: App, caller: number) => Promise<A>) =>
    Promise.all(
      Array.from({ length: CALLERS }, (_, caller) => {
        const app = caller % 2 === 0 ? 'management' : 'mcp';
        return act(instances[app], app, caller);
      }),
    );

  function expectWithinLimits(): void {
    for (const held of seen) {
      for (const share of shares) {
        const beyond = apps.map((app) => Math.max(0, inUse(share, held, app) - share.reserved[app]));
        expect(inUse(share, held)).toBeLessThanOrEqual(share.maxPoolSize);
        expect(beyond.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(share.shared);
      }
    }
  }

  test('a hundred callers of both apps at once never exceed a limit, and all is free once they have released', async () => {
    const results = await everyone(async (pools, app, caller) => {
      const operation = operations[Math.floor(caller / 2) % operations.length];
      if (!operation) throw new Error('there are no operations');
      return pools.allocate({ tenantId: `tenant-${caller}`, app, ...operation });
    });
    expectWithinLimits();
    const granted = results.filter((result) => result.ok).map(({ value }) => value);
    expect(granted.length).toBeGreaterThan(3);
    expect(results.filter((result) => !result.ok && result.error.kind === 'exhausted')).toHaveLength(
      CALLERS - granted.length,
    );
    const sum = (unit: keyof (typeof granted)[number]['allocation']) =>
      granted.reduce((total, { allocation }) => total + allocation[unit], 0);
    expect((await instances.mcp.usage(anyone)).map((usage) => usage.inUse)).toEqual([
      sum('databaseConnections'),
      sum('redisConnections'),
      sum('oauthValidations'),
    ]);

    const outcomes = await everyone((pools, _, caller) => {
      const result = results[caller];
      return result?.ok ? pools.release(`tenant-${caller}`, result.value.id) : Promise.resolve('refused');
    });
    expect(outcomes.filter((outcome) => outcome === 'released')).toHaveLength(granted.length);
    expect((await instances.management.usage(anyone)).map((usage) => usage.inUse)).toEqual([0, 0, 0]);
  });

  test('a hundred callers who release as soon as they are done are served in the end, within the limits', async () => {
    const operation = { operation: 'plan', estimatedLoad: { stepCount: 12 } };
    const served = await everyone(async (pools, app, caller) => {
      const tenantId = `tenant-${caller}`;
      for (;;) {
        const result = await pools.allocate({ tenantId, app, ...operation });
        if (result.ok) return pools.release(tenantId, result.value.id);
        if (result.error.kind !== 'exhausted') throw new Error(result.error.message);
      }
    });
    expect(served).toEqual(Array.from({ length: CALLERS }, () => 'released'));
    expectWithinLimits();
    expect(await state.get('mreg:pools')).toBe('[]');
  });

  test('a flood of one tenant leaves room for another tenant in every pool of either app', async () => {
    const flood = await everyone((pools, app) =>
      pools.allocate({ tenantId: 'tenant-1', app, operation: 'system_report', estimatedLoad: {} }),
    );
    expect(flood.filter(({ ok }) => !ok).length).toBeGreaterThan(0);
    for (const app of apps) {
      const operation = { operation: 'system_report', estimatedLoad: {} };
      expect(await instances[app].allocate({ tenantId: 'tenant-2', app, ...operation })).toMatchObject({
        ok: true,
      });
    }
  });

  test('what is not released comes free when it has expired, in either app', async () => {
    const load = { operation: 'bulk_server_registration', estimatedLoad: { serverCount: 0, adminCount: 25 } };
    const take = (app: App, holdForMs: number) =>
      instances[app].allocate({ tenantId: 'tenant-1', app, ...load, holdForMs });
    expect(await take('mcp', 1_500)).toMatchObject({ ok: true });
    expect(await take('management', 1_500)).toMatchObject({ error: { kind: 'exhausted' } });
    await backend.elapse(1_550);
    expect(await take('management', 60_000)).toMatchObject({ ok: true });
  });
}

describe('resource pools on Azure Tables', () => {
  suite(startTablesBackend);
});
describeWith(onPath('redis-server'), 'resource pools on Redis', () => {
  suite(startRedisBackend);
});
