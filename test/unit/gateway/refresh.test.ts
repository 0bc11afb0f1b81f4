import { expect, onTestFinished, test, vi } from 'vitest';
import { createRefresh, refreshAll } from '../../../shared/gateway/catalogue/refresh.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { fail } from '../../../shared/platform/base/result.ts';
import { createFairQueue } from '../../../shared/platform/concurrency/fairQueue.ts';
import type { OutboundClient } from '../../../shared/platform/outbound/outboundClient.ts';
import { azureTableServerStore } from '../../../shared/registry/records/azureTableServerStore.ts';
import { tenantId } from '../../support/gateway.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { memoryState } from '../../support/memoryState.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { serverRecord } from '../../support/serverRecord.ts';

/** A server that is down, and how often it was looked for. */
function downServer() {
  let looks = 0;
  const outbound: OutboundClient = {
    request: () => {
      looks += 1;
      return Promise.resolve(fail({ kind: 'unavailable', message: 'connection refused' }));
    },
    close: () => Promise.resolve(),
  };
  return { outbound, looks: () => looks };
}

const discovery = discoveryOf('modern');
const url = 'http://127.0.0.1:9/mcp';
const discoveries = createFairQueue(4, 1);
const quiet = {
  noteHealth: () => undefined,
  credentials: { isPersonal: () => false, isAccount: () => false },
};
const record = { ...serverRecord({ tenantId, slug: 'a', url }), status: 'active' as const, discovery };

// Fake timers replace the global `setTimeout` only. The one of `node:timers/promises` is made of it here.
vi.mock(import('node:timers/promises'), async (importOriginal) => ({
  ...(await importOriginal()),
  setTimeout: <T>(ms?: number, value?: T) => new Promise<T>((resolve) => setTimeout(resolve, ms, value as T)),
}));

test('of any number who ask at once, the first is served now and all others together a second later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { outbound, looks } = downServer();
  const servers = azureTableServerStore(memoryTables());
  const deps = {
    ...quiet,
    servers,
    outboundTo: () => outbound,
    shortLived: memoryState(),
    clock: systemClock,
  };
  const refresh = createRefresh({ ...deps, discoveries }, () => undefined);
  const all = Array.from({ length: 20 }, () => refresh(record));
  await all[0];
  await vi.advanceTimersByTimeAsync(999);
  expect(looks()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  await Promise.all(all);
  expect(looks()).toBe(2);
  // A request that comes right after waits its turn too.
  const late = refresh(record);
  await vi.advanceTimersByTimeAsync(999);
  expect(looks()).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  await late;
  expect(looks()).toBe(3);
});

test('instances take turns, so that a server is looked for by one at a time', async () => {
  const { outbound, looks } = downServer();
  const servers = azureTableServerStore(memoryTables());
  const state = memoryState();
  const held = await state.claim(`mreg:refresh:${tenantId}:a`, 60_000);
  expect(held.status).toBe('claimed');
  const deps = { ...quiet, servers, outboundTo: () => outbound, shortLived: state, clock: systemClock };
  await createRefresh({ ...deps, discoveries }, () => undefined)(record);
  expect(looks()).toBe(0);
});

test('the refresh of all servers serves the tenants in turn, however many servers one of them has', async () => {
  const looked: string[] = [];
  const outbound: OutboundClient = {
    request: ({ url: target }) => {
      looked.push(new URL(target).pathname);
      return Promise.resolve(fail({ kind: 'unavailable', message: 'connection refused' }));
    },
    close: () => Promise.resolve(),
  };
  const servers = azureTableServerStore(memoryTables());
  const add = (tenant: string, slug: string) =>
    servers.add({ ...record, tenantId: tenant, slug, url: `http://127.0.0.1:9/${slug}` });
  for (let n = 0; n < 120; n++) await add('a', `a${n}`);
  await add('b', 'b0');
  const deps = {
    ...quiet,
    servers,
    outboundTo: () => outbound,
    shortLived: memoryState(),
    clock: systemClock,
  };
  await refreshAll(deps, ['a', 'b'], new AbortController().signal);
  expect(looked).toHaveLength(121);
  expect(looked.indexOf('/b0')).toBeLessThanOrEqual(2);
});
