import { describe, expect, test } from 'vitest';
import type { Config } from '../../../../shared/platform/config/config.ts';
import { InfrastructureError } from '../../../../shared/platform/base/errors.ts';
import { fail } from '../../../../shared/platform/base/result.ts';
import type { StateStore } from '../../../../shared/platform/state/stateStore.ts';
import { tableNames } from '../../../../shared/platform/config/topology.ts';
import { lookAtTopology } from '../../../../shared/specialists/mcp-deployment-specialist/topology.ts';
import { look } from '../../../../shared/specialists/mcp-deployment-specialist/look.ts';
import { lookAtApps } from '../../../../shared/specialists/mcp-deployment-specialist/runningApps.ts';
import { memoryState } from '../../../support/memoryState.ts';

const { signal } = new AbortController();
const forEver = new Promise<never>(() => undefined);

describe('a look', () => {
  test('gives what it saw', async () => {
    expect(await look('part', 1_000, signal, () => Promise.resolve(7))).toEqual({ seen: 7 });
  });

  test('at what hangs is a finding that says for how long it waited', async () => {
    expect(await look('table_storage', 20, signal, () => forEver)).toMatchObject({
      finding: {
        rule: 'table_storage_unreachable',
        severity: 'critical',
        message: expect.stringContaining('table storage has not answered within 20 ms') as string,
        evidence: { withinMs: 20 },
      },
    });
  });

  test('at what is away is a finding without the cause; what nobody expects is thrown', async () => {
    const away = new InfrastructureError('tables', 'list', new Error('https://account.example/secret'));
    const found = await look('part', 1_000, signal, () => Promise.reject(away));
    expect(found).toMatchObject({ finding: { rule: 'part_unreachable' } });
    expect(JSON.stringify(found)).not.toContain('secret');
    await expect(look('part', 1_000, signal, () => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
  });
});

const config = {
  publicOrigin: 'https://mcp.contoso.com',
  managementOrigin: 'https://registry.contoso.com',
  externalAgents: new Set<string>(),
} as unknown as Config;
const clock = { now: () => new Date(0) };
const outbound = {
  request: () => Promise.resolve(fail({ kind: 'unavailable' as const, message: 'connection refused' })),
  close: () => Promise.resolve(),
};

test('queues are looked at although storage is away', async () => {
  const { deployed, findings } = await lookAtTopology(
    {
      config,
      listTables: () => Promise.reject(new InfrastructureError('tables', 'list tables', undefined)),
      askQueues: (names) => Promise.resolve(new Map(names.map((name) => [name, 'present']))),
    },
    { signal },
  );
  expect(deployed.tables).toBeUndefined();
  expect(deployed.queues?.size).toBe(8);
  expect(findings.map(({ rule }) => rule)).toEqual(['table_storage_unreachable']);
});

test('tables are looked at although queues are away', async () => {
  const { findings } = await lookAtTopology(
    {
      config,
      listTables: () => Promise.resolve(tableNames),
      askQueues: () => Promise.reject(new InfrastructureError('service_bus', 'ask', undefined)),
    },
    { signal },
  );
  expect(findings.map(({ rule }) => rule)).toEqual(['service_bus_unreachable']);
});

test('apps that nobody sees are both named', async () => {
  const { findings } = await lookAtApps({ config, clock, outbound, shortLived: memoryState() }, { signal });
  expect(findings.map(({ rule, evidence }) => [rule, evidence['app']])).toEqual([
    ['app_not_running', 'management'],
    ['app_not_running', 'mcp'],
  ]);
});

test('a state that is away is one finding, and says nothing against the apps', async () => {
  const away: StateStore = {
    ...memoryState(),
    get: () => Promise.reject(new InfrastructureError('redis', 'get', undefined)),
  };
  const { findings } = await lookAtApps({ config, clock, outbound, shortLived: away }, { signal });
  expect(findings.map(({ rule }) => rule)).toEqual(['state_store_unreachable']);
});
