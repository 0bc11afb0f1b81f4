import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { Finding } from '../finding.ts';
import { type Inspection, inspectionsOf } from '../inspection.ts';
import { TABLE_OPERATION_MS } from './budgets.ts';
import { operationsBySlowness, tableFindings } from './judgeTables.ts';
import { timeFor, timesSchema } from './measure.ts';
import {
  measureTables,
  measureTablesBriefly,
  type TableMeasurements,
  type TablesDeps,
} from './measureTables.ts';

const { gateCheck, healthCheck, report } = inspectionsOf('mcp-performance-optimizer');

/** The figures of a measurement, for the report. */
export function tableFacts(measured: TableMeasurements): Readonly<Record<string, unknown>> {
  const [slowest] = operationsBySlowness(measured);
  const largestFirst = measured.tables
    .flatMap(({ table, partitions }) => partitions.map(({ page: _, ...figures }) => ({ table, ...figures })))
    .filter(({ rows }) => rows !== undefined && rows > 0)
    .sort((a, b) => (b.rows ?? 0) - (a.rows ?? 0));
  return {
    ownRows: Object.fromEntries(Object.entries(measured.ownRows).map(([name, { times }]) => [name, times])),
    tables: measured.tables.map(({ table, read, partitions }) => ({
      table,
      pointRead: read,
      partitions: partitions.length,
      slowestPageP50Ms: Math.max(0, ...partitions.map(({ page }) => page?.p50Ms ?? 0)),
    })),
    ...(slowest && { slowest }),
    largestPartitions: largestFirst.slice(0, 10),
  };
}

async function inspectBriefly(deps: TablesDeps, helpers: TaskHelpers, withinMs: number): Promise<Inspection> {
  const measured = await measureTablesBriefly(deps, helpers, timeFor(helpers, withinMs));
  return { facts: tableFacts(measured), findings: tableFindings(measured) };
}

/** The tasks that measure the tables. */
export const databaseTasks = (deps: TablesDeps): readonly Task[] => [
  report({
    name: 'database_query_optimization',
    description:
      'Measures the tables: writes, reads and removes probe rows, and reads and counts the partitions of the tenant. Says which table and partition is slow or hot, with percentiles, and what to change.',
    timeoutMs: 30_000,
    input: timesSchema(100, 30),
    async inspect({ times }, helpers) {
      const withinMs = timeFor(helpers, 25_000);
      const measured = await measureTables(deps, helpers, { withinMs, times, count: true });
      const [slowest] = operationsBySlowness(measured);
      return {
        summary: slowest
          ? `The slowest of ${measured.tables.length} tables is ${slowest.table}: a ${slowest.operation} takes ${slowest.times.p50Ms} ms in the median, ${slowest.times.p95Ms} ms in the 95th percentile.`
          : 'The tables could not be measured.',
        facts: tableFacts(measured),
        findings: tableFindings(measured),
      };
    },
  }),
  gateCheck({
    name: 'database_health_check',
    description:
      'Writes, reads and removes a few probe rows, and asks each table for a row: this shows whether the tables exist and answer.',
    timeoutMs: 15_000,
    inspect: (_, helpers) => inspectBriefly(deps, helpers, 5_000),
  }),
  gateCheck({
    name: 'database_performance_validation',
    description:
      'Measures each table and the partitions of the tenant in it. Does not pass if an operation takes longer in the median than its budget.',
    timeoutMs: 20_000,
    async inspect(_, helpers) {
      const withinMs = timeFor(helpers, 15_000);
      const measured = await measureTables(deps, helpers, { withinMs, times: 10, count: false });
      return {
        facts: { budgetMs: TABLE_OPERATION_MS, ...tableFacts(measured) },
        findings: tableFindings(measured).map(failOverBudget),
      };
    },
  }),
  healthCheck({
    name: 'check_database_performance',
    description:
      'Says whether the tables answer, and within their budget: a short check for the health report.',
    timeoutMs: 5_000,
    inspect: (_, helpers) => inspectBriefly(deps, helpers, 4_000),
  }),
];

/** A slow operation is a warning elsewhere; it is what this gate check is about. */
const failOverBudget = (finding: Finding): Finding =>
  finding.rule === 'table_operation_slow' ? { ...finding, severity: 'critical' } : finding;
