import { describe, expect, test } from 'vitest';
import type { ActiveServer } from '../../../../shared/gateway/catalogue/catalogue.ts';
import { confirmedAt, createRefresh } from '../../../../shared/gateway/catalogue/refresh.ts';
import { systemClock } from '../../../../shared/platform/base/clock.ts';
import { createFairQueue } from '../../../../shared/platform/concurrency/fairQueue.ts';
import { openOutboundClient } from '../../../../shared/platform/outbound/outboundClient.ts';
import { azureTableServerStore } from '../../../../shared/registry/records/azureTableServerStore.ts';
import {
  type CachedLists,
  cachedListsOf,
  listFindings,
} from '../../../../shared/specialists/fastmcp-specialist/typeCaching.ts';
import { discoveryOf } from '../../../support/handmadeUpstream.ts';
import { memoryState } from '../../../support/memoryState.ts';
import { memoryTables } from '../../../support/memoryTables.ts';
import { serverRecord } from '../../../support/serverRecord.ts';
import { startUpstreamServer } from '../../../support/upstreamServer.ts';

const now = new Date('2026-01-02T00:00:00.000Z');
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();
const server = (discoveredAt: string): ActiveServer => ({
  ...serverRecord(),
  discovery: { ...discoveryOf('modern'), discoveredAt },
});

describe('the age of what is kept', () => {
  test.each([
    ['counts from its last change', minutesAgo(50), undefined, 50],
    ['counts from when it was last found to be right', minutesAgo(500), minutesAgo(7), 7],
    ['does not count from before its change', minutesAgo(3), minutesAgo(90), 3],
  ])('%s', (_, discoveredAt, confirmed, age) => {
    expect(cachedListsOf(server(discoveredAt), confirmed, now)).toMatchObject({ ageMinutes: age, tools: 1 });
  });
});

describe('what follows from what is kept', () => {
  const kept = (more: Partial<CachedLists> = {}): CachedLists => ({
    ...cachedListsOf(server(minutesAgo(1)), undefined, now),
    ...more,
  });
  test.each<[string, Partial<CachedLists>, Parameters<typeof listFindings>[1], readonly string[]]>([
    ['nothing where it is fresh', {}, undefined, []],
    ['nothing where it was right', { ageMinutes: 40 }, 'unchanged', []],
    ['that it was stale', { ageMinutes: 40 }, 'updated', ['list_was_stale:info']],
    ['that its server is away', { ageMinutes: 40 }, 'unavailable', ['list_not_refreshed:warning']],
    ['that nobody looks any more', { ageMinutes: 90 }, 'unchanged', ['list_overdue:warning']],
    ['that it is large', { bytes: 300_000 }, undefined, ['list_large:warning']],
  ])('%s', (_, more, refreshed, expected) => {
    const found = listFindings(kept(more), refreshed, 30);
    expect(found.map(({ rule, severity }) => `${rule}:${severity}`)).toEqual(expected);
  });
});

describe('a refresh', () => {
  const tool = (name: string) => ({ listed: { name, inputSchema: { type: 'object' } }, result: {} });
  const discoveries = createFairQueue(4, 1);
  async function refreshed(known: 'same' | 'other' | 'gone' | 'down') {
    const upstream = await startUpstreamServer([tool('echo')]);
    const outbound = openOutboundClient('private_allowed');
    try {
      const state = memoryState();
      const servers = azureTableServerStore(memoryTables());
      const deps = {
        servers,
        outboundTo: () => outbound,
        shortLived: state,
        clock: systemClock,
        noteHealth: () => undefined,
        credentials: { isPersonal: () => false, isAccount: () => false },
      };
      const url = known === 'down' ? 'http://127.0.0.1:9/mcp' : upstream.url;
      const discovery = discoveryOf('modern', [{ name: 'before', inputSchema: { type: 'object' } }]);
      const record = { ...serverRecord({ url }), discovery };
      if (known !== 'gone') await servers.add(record);
      const refresh = createRefresh({ ...deps, discoveries }, () => undefined);
      const first = await refresh(record);
      const outcome =
        known === 'same' ? await createRefresh({ ...deps, discoveries }, () => undefined)(record) : first;
      return { outcome, confirmed: await confirmedAt(state, record.tenantId, record.slug) };
    } finally {
      await Promise.all([upstream.close(), outbound.close()]);
    }
  }

  test.each([
    ['other', 'updated', true],
    ['same', 'unchanged', true],
    ['gone', 'gone', false],
    ['down', 'unavailable', false],
  ] as const)(
    'of a server that is %s is %s, and confirms its record: %s',
    async (known, outcome, isConfirmed) => {
      const result = await refreshed(known);
      expect(result.outcome).toBe(outcome);
      expect(result.confirmed !== undefined).toBe(isConfirmed);
    },
  );
});
