import { describe, expect, test } from 'vitest';
import { tableNames } from '../../../../shared/platform/config/topology.ts';
import {
  operationsBySlowness,
  tableFindings,
} from '../../../../shared/specialists/mcp-performance-optimizer/judgeTables.ts';
import { percentiles } from '../../../../shared/specialists/mcp-performance-optimizer/measure.ts';
import type {
  PartitionFigures,
  TableFault,
} from '../../../../shared/specialists/mcp-performance-optimizer/measureTable.ts';
import type { TableMeasurements } from '../../../../shared/specialists/mcp-performance-optimizer/measureTables.ts';

const took = (ms: number) => percentiles([ms]);
const partition = (name: string, ms: number, rows?: number): PartitionFigures => ({
  partition: name,
  page: took(ms),
  ...(rows !== undefined && { rows }),
});
const sixteen = (ms: (index: number) => number, rows: (index: number) => number = () => 10) =>
  Array.from({ length: 16 }, (_, index) => partition(`t_${index.toString(16)}`, ms(index), rows(index)));
const healthy: TableMeasurements = {
  ownRows: { write: { times: took(5) }, read: { times: took(3) }, remove: { times: took(4) } },
  tables: [
    { table: 'servers', read: took(3), partitions: [partition('t', 6)] },
    { table: 'delegations', read: took(3), partitions: sixteen(() => 6) },
  ],
  faults: [],
  unmeasured: [],
};
const withPartitions = (partitions: readonly PartitionFigures[]): TableMeasurements => ({
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
const rulesOf = (measured: TableMeasurements) => tableFindings(measured).map(({ rule }) => rule);

test('good measurements have no finding', () => {
  expect(tableFindings(healthy)).toEqual([]);
});

test('a loaded machine that keeps its budgets is no finding', () => {
  expect(rulesOf(withPartitions(sixteen((index) => 400 + 30 * index)))).toEqual([]);
});

test('one slow partition is named, with the time of the others', () => {
  const [finding, ...others] = tableFindings(withPartitions(sixteen((index) => (index === 7 ? 450 : 6))));
  expect(others).toEqual([]);
  expect(finding).toMatchObject({
    rule: 'slow_partition',
    severity: 'warning',
    evidence: { table: 'delegations', partition: 't_7', p50Ms: 450, usualMs: 6 },
  });
});

test('a partition that takes many times as long is no finding if users cannot notice', () => {
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

test('few rows are never hot', () => {
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

test('operations over their budget are named with their times, the slowest first', () => {
  const measured = { ...healthy, ownRows: { ...healthy.ownRows, write: { times: took(1_700) } } };
  expect(operationsBySlowness(measured)[0]).toMatchObject({
    table: 'state',
    operation: 'write of an own row',
  });
  expect(tableFindings(measured)).toMatchObject([
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

test('tables that were not measured are named', () => {
  expect(rulesOf({ ...healthy, unmeasured: ['plans'] })).toEqual(['tables_unmeasured']);
});
