import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tableNames } from '../../shared/platform/config/topology.ts';
import { azureTableProbe } from '../../shared/platform/tables/azureTableProbe.ts';
import { databaseTasks } from '../../shared/specialists/mcp-performance-optimizer/databaseTasks.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { freePort } from '../support/freePort.ts';
import { type SlowProxy, startSlowProxy } from '../support/slowProxy.ts';
import { runTask, taskTenant } from '../support/taskRun.ts';

let azurite: Azurite;
let proxy: SlowProxy;
let tables: string;
const client = (table: string) =>
  TableClient.fromConnectionString(azurite.connectionString, table, { allowInsecureConnection: true });
const through = (origin: string) =>
  azurite.connectionString.replace(/TableEndpoint=http:\/\/[^/]+/, `TableEndpoint=${origin}`);
const stranger = '22222222-2222-4222-8222-222222222222';

beforeAll(async () => {
  azurite = await startAzurite();
  for (const name of tableNames) await client(name).createTable();
  for (const tenant of [taskTenant, stranger]) {
    for (const digit of '0123456789abcdef')
      for (let row = 0; row < 3; row++)
        await client('delegations').createEntity({
          partitionKey: `${tenant}_${digit}`,
          rowKey: `${digit}${row}`,
          document: 'x'.repeat(500),
        });
  }
  const endpoint = /TableEndpoint=(http:\/\/[^/]+)/.exec(azurite.connectionString)?.[1] ?? '';
  proxy = await startSlowProxy(endpoint);
  tables = through(proxy.origin);
});
afterAll(() => Promise.all([proxy.close(), azurite.stop()]));
beforeEach(() => {
  proxy.delay = () => 0;
});

const run = (name: string, connection = tables, input: unknown = {}) =>
  runTask(databaseTasks({ openTableProbe: (table) => azureTableProbe(connection, table) }), name, input);
const stateRows = async () => {
  const rows: string[] = [];
  for await (const { partitionKey, rowKey } of client('state').listEntities())
    rows.push(`${partitionKey}/${rowKey}`);
  return rows;
};
const checks = ['database_health_check', 'database_performance_validation'];

describe('tables that are well', () => {
  test('are measured by rows that are gone afterwards, and nobody else is counted or changed', async () => {
    await client('state').createEntity({ partitionKey: 'ab', rowKey: 'value_of_somebody', value: 1 });
    await client('state').createEntity({ partitionKey: 'probe', rowKey: '2020-01-01T00:00:00.000Z_left' });
    const urls: string[] = [];
    proxy.delay = (url) => (urls.push(url), 0);
    const outcome = await run('database_query_optimization', tables, { times: 6 });
    expect(outcome).toMatchObject({
      success: true,
      result: {
        findings: [],
        facts: {
          ownRows: { write: { count: 5 }, read: { count: 5 }, remove: { count: 5 } },
          largestPartitions: Array.from({ length: 10 }, () => ({ table: 'delegations', rows: 3 })),
        },
      },
    });
    expect(JSON.stringify(outcome)).not.toContain(stranger);
    expect(urls.filter((url) => url.includes(stranger))).toEqual([]);
    expect(await stateRows()).toEqual(['ab/value_of_somebody']);
  });

  test.each(checks)('pass %s without a word of warning', async (check) => {
    expect(await run(check)).toMatchObject({ result: { passed: true, findings: [] } });
  });

  test('are healthy', async () => {
    expect(await run('check_database_performance')).toMatchObject({
      result: { status: 'healthy', findings: [] },
    });
  });
});

describe('a slow partition', () => {
  test('is found among the others and named, with what they take', async () => {
    proxy.delay = (url) => (url.includes(`'${taskTenant}_7'`) && url.includes('$top=100') ? 700 : 0);
    expect(await run('database_query_optimization', tables, { times: 5 })).toMatchObject({
      result: {
        findings: [
          {
            rule: 'slow_partition',
            message: expect.stringContaining(`${taskTenant}_7 of delegations`) as string,
            evidence: { p50Ms: expect.any(Number) as number, partitionsMeasured: 16 },
          },
        ],
      },
    });
  });

  test('that takes longer than its budget does not pass the validation', async () => {
    proxy.delay = (url) => (url.includes(`'${taskTenant}_7'`) && url.includes('$top=100') ? 1_100 : 0);
    expect(await run('database_performance_validation')).toMatchObject({
      result: {
        passed: false,
        error: expect.stringContaining(`page of ${taskTenant}_7 in the table delegations`) as string,
      },
    });
  });

  test('that hangs is named, and the other tables are measured all the same', async () => {
    proxy.delay = (url) => (url.includes(`eq '${taskTenant}_7'`) ? 'never' : 0);
    const outcome = await run('database_query_optimization', tables, { times: 5 });
    expect(outcome).toMatchObject({
      result: {
        findings: [{ rule: 'table_hangs', severity: 'critical', evidence: { partition: `${taskTenant}_7` } }],
      },
    });
    const { facts } = (outcome as { result: { facts: { tables: { table: string; pointRead?: object }[] } } })
      .result;
    expect(facts.tables.filter(({ pointRead }) => pointRead).map(({ table }) => table)).toEqual(
      tableNames.filter((table) => table !== 'delegations'),
    );
  });
});

describe('the table service', () => {
  const all = [...checks, 'database_query_optimization', 'check_database_performance'];

  test('that hangs is a finding of every task, before its deadline', async () => {
    proxy.delay = () => 'never';
    for (const outcome of await Promise.all(all.map((name) => run(name)))) {
      expect(outcome).toMatchObject({
        success: true,
        result: { findings: [{ rule: 'table_hangs', severity: 'critical' }] },
      });
    }
  });

  test('that nobody listens for is a finding of every task, and nothing is said of the address', async () => {
    const port = await freePort();
    for (const name of all) {
      const outcome = await run(name, through(`http://127.0.0.1:${port}`));
      expect(outcome).toMatchObject({
        result: { findings: [{ rule: 'tables_unreachable', evidence: { reason: 'ECONNREFUSED' } }] },
      });
      expect(JSON.stringify(outcome)).not.toContain(String(port));
    }
  });

  test('that refuses the key says so', async () => {
    const other = tables.replace(/AccountKey=[^;]+/, `AccountKey=${Buffer.alloc(64).toString('base64')}`);
    expect(await run('database_health_check', other)).toMatchObject({
      result: { passed: false, findings: [{ rule: 'tables_unreachable' }] },
    });
  });

  test('without one of the tables names it', async () => {
    await client('audit').deleteTable();
    try {
      for (const name of checks) {
        expect(await run(name)).toMatchObject({
          result: { passed: false, findings: [{ rule: 'table_missing', evidence: { tables: ['audit'] } }] },
        });
      }
    } finally {
      await client('audit').createTable();
    }
  });
});
