import { describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../../../shared/platform/base/errors.ts';
import { fail } from '../../../../shared/platform/base/result.ts';
import type { Config } from '../../../../shared/platform/config/config.ts';
import { tableNames } from '../../../../shared/platform/config/topology.ts';
import type { StateStore } from '../../../../shared/platform/state/stateStore.ts';
import {
  inspectApps,
  inspectPart,
} from '../../../../shared/specialists/mcp-deployment-specialist/runningApps.ts';
import { inspectTopology } from '../../../../shared/specialists/mcp-deployment-specialist/topology.ts';
import { memoryState } from '../../../support/memoryState.ts';

const { signal } = new AbortController();
const forEver = new Promise<never>(() => undefined);

describe('the inspection of a part', () => {
  test('returns what it read', async () => {
    expect(await inspectPart('state_store', 1_000, signal, () => Promise.resolve(7))).toEqual({ seen: 7 });
  });

  test('that hangs is a finding with the time that it waited', async () => {
    expect(await inspectPart('table_storage', 20, signal, () => forEver)).toMatchObject({
      finding: {
        rule: 'table_storage_unreachable',
        severity: 'critical',
        message: expect.stringContaining('table storage has not answered within 20 ms') as string,
        evidence: { withinMs: 20 },
      },
    });
  });

  test('that is down is a finding without the cause; an unexpected error is thrown', async () => {
    const away = new InfrastructureError('tables', 'list', new Error('https://account.example/secret'));
    const found = await inspectPart('state_store', 1_000, signal, () => Promise.reject(away));
    expect(found).toMatchObject({ finding: { rule: 'state_store_unreachable' } });
    expect(JSON.stringify(found)).not.toContain('secret');
    await expect(
      inspectPart('state_store', 1_000, signal, () => Promise.reject(new Error('bug'))),
    ).rejects.toThrow('bug');
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

test('queues are inspected although storage is down', async () => {
  const { deployed, findings } = await inspectTopology(
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

test('tables are inspected although Service Bus is down', async () => {
  const { findings } = await inspectTopology(
    {
      config,
      listTables: () => Promise.resolve(tableNames),
      askQueues: () => Promise.reject(new InfrastructureError('service_bus', 'ask', undefined)),
    },
    { signal },
  );
  expect(findings.map(({ rule }) => rule)).toEqual(['service_bus_unreachable']);
});

test('apps that do not answer are both named', async () => {
  const { findings } = await inspectApps({ config, clock, outbound, shortLived: memoryState() }, { signal });
  expect(findings.map(({ rule, evidence }) => [rule, evidence['app']])).toEqual([
    ['app_not_running', 'management'],
    ['app_not_running', 'mcp'],
  ]);
});

test('a state store that is down is one finding, and no finding about the apps', async () => {
  const away: StateStore = {
    ...memoryState(),
    get: () => Promise.reject(new InfrastructureError('redis', 'get', undefined)),
  };
  const { findings } = await inspectApps({ config, clock, outbound, shortLived: away }, { signal });
  expect(findings.map(({ rule }) => rule)).toEqual(['state_store_unreachable']);
});
