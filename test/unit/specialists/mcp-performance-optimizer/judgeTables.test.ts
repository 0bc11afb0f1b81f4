import { describe, expect, test } from 'vitest';
import type {
  PartitionFigures,
  TableFault,
} from '../../../../shared/specialists/mcp-performance-optimizer/measureTable.ts';
import { percentiles } from '../../../../shared/specialists/mcp-performance-optimizer/measure.ts';
import {
  operationsBySlowness,
  tableFindings,
} from '../../../../shared/specialists/mcp-performance-optimizer/judgeTables.ts';
import type { TablesLook } from '../../../../shared/specialists/mcp-performance-optimizer/measureTables.ts';
import { tableNames } from '../../../../shared/platform/config/topology.ts';

const took = (ms: number) => percentiles([ms]);
const partition = (name: string, ms: number, rows?: number): PartitionFigures => ({
  partition: name,
  page: took(ms),
  ...(rows !== undefined && { rows }),
});
const sixteen = (ms: (index: number) => number, rows: (index: number) => number = () => 10) =>
  Array.from({ length: 16 }, (_, index) => partition(`t_${index.toString(16)}`, ms(index), rows(index)));
const healthy: TablesLook = {
  ownRows: { write: { times: took(5) }, read: { times: took(3) }, remove: { times: took(4) } },
  tables: [
    { table: 'servers', read: took(3), partitions: [partition('t', 6)] },
    { table: 'delegations', read: took(3), partitions: sixteen(() => 6) },
  ],
  faults: [],
  unmeasured: [],
};
const withPartitions = (partitions: readonly PartitionFigures[]): TablesLook => ({
  ...healthy,
  tables: [{ table: 'delegations', read: took(3), partitions }],
});
const fault = (more: Partial<TableFault>): TableFault => ({
  kind: 'failed',
  reason: 'ECONNREFUSED',
  afterMs: 600,
  table: 'servers',
  operation: 'point read',
  ...more,
});
const rulesOf = (look: TablesLook) => tableFindings(look).map(({ rule }) => rule);

test('where all is well nothing is found', () => {
  expect(tableFindings(healthy)).toEqual([]);
});

test('a loaded machine, where everything takes long but within its budget, is no finding', () => {
  expect(rulesOf(withPartitions(sixteen((index) => 400 + 30 * index)))).toEqual([]);
});

test('one partition that is slow is named, with what others take', () => {
  const [finding, ...others] = tableFindings(withPartitions(sixteen((index) => (index === 7 ? 450 : 6))));
  expect(others).toEqual([]);
  expect(finding).toMatchObject({
    rule: 'slow_partition',
    severity: 'warning',
    evidence: { table: 'delegations', partition: 't_7', p50Ms: 450, usualMs: 6 },
  });
});

test('one that takes many times as long is no finding as long as nobody could notice', () => {
  expect(rulesOf(withPartitions(sixteen((index) => (index === 7 ? 190 : 6))))).toEqual([]);
});

test('a partition with most of the rows is hot, and a large one is large', () => {
  expect(
    tableFindings(
      withPartitions(
        sixteen(
          () => 6,
          (index) => (index === 3 ? 9_000 : 50),
        ),
      ),
    ),
  ).toMatchObject([{ rule: 'hot_partition', evidence: { partition: 't_3', rows: 9_000, partitions: 16 } }]);
  expect(
    tableFindings(
      withPartitions(
        sixteen(
          () => 6,
          () => 10_000,
        ),
      ),
    ),
  ).toHaveLength(16);
  expect(rulesOf(withPartitions([partition('t', 6, 10_000)]))).toEqual(['large_partition']);
});

test('few rows are never hot, however they lie', () => {
  expect(
    rulesOf(
      withPartitions(
        sixteen(
          () => 6,
          (index) => (index === 3 ? 999 : 0),
        ),
      ),
    ),
  ).toEqual([]);
});

test('what is over its budget is named with its figure, the slowest first', () => {
  const look = { ...healthy, ownRows: { ...healthy.ownRows, write: { times: took(1_700) } } };
  expect(operationsBySlowness(look)[0]).toMatchObject({ table: 'state', operation: 'write of an own row' });
  expect(tableFindings(look)).toMatchObject([
    {
      rule: 'table_operation_slow',
      severity: 'warning',
      evidence: { budgetMs: 1_000, slow: [{ p50Ms: 1_700 }] },
    },
  ]);
});

describe('faults', () => {
  test('of one cause are one finding that names all tables', () => {
    const faults = tableNames.map((table) => fault({ table }));
    expect(tableFindings({ ...healthy, faults })).toMatchObject([
      {
        rule: 'tables_unreachable',
        severity: 'critical',
        evidence: { tables: tableNames, reason: 'ECONNREFUSED' },
      },
    ]);
  });

  test.each([
    [fault({ reason: 'TableNotFound' }), 'table_missing'],
    [fault({ kind: 'hung', reason: 'no answer in time', partition: 't_7' }), 'table_hangs'],
    [fault({ reason: 'AuthenticationFailed' }), 'tables_unreachable'],
  ])('%#: %j is %s', (one, rule) => {
    expect(tableFindings({ ...healthy, faults: [one] })).toMatchObject([
      { rule, severity: 'critical', message: expect.stringContaining('servers') as string },
    ]);
  });
});

test('what there was no time for is said', () => {
  expect(rulesOf({ ...healthy, unmeasured: ['plans'] })).toEqual(['tables_unmeasured']);
});
