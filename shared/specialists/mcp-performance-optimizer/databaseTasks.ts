import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Finding, health, healthSchema, reportSchema, verdict, verdictSchema } from '../finding.ts';
import { TABLE_OPERATION_MS } from './budgets.ts';
import { timeFor } from './measure.ts';
import { operationsBySlowness, tableFindings } from './judgeTables.ts';
import { type TablesDeps, type TablesLook, lookAtTables, lookBriefly } from './measureTables.ts';

const agent = 'mcp-performance-optimizer';

/** The figures of a look, for people and for the next step. */
export function tableFacts(look: TablesLook): Readonly<Record<string, unknown>> {
  const [slowest] = operationsBySlowness(look);
  const bigFirst = look.tables
    .flatMap(({ table, partitions }) => partitions.map(({ page: _, ...figures }) => ({ table, ...figures })))
    .filter(({ rows }) => rows !== undefined && rows > 0)
    .sort((a, b) => (b.rows ?? 0) - (a.rows ?? 0));
  return {
    ownRows: Object.fromEntries(Object.entries(look.ownRows).map(([name, { times }]) => [name, times])),
    tables: look.tables.map(({ table, read, partitions }) => ({
      table,
      pointRead: read,
      partitions: partitions.length,
      slowestPageP50Ms: Math.max(0, ...partitions.map(({ page }) => page?.p50Ms ?? 0)),
    })),
    ...(slowest && { slowest }),
    largestPartitions: bigFirst.slice(0, 10),
  };
}

export function databaseTasks(deps: TablesDeps): readonly Task[] {
  return [
    defineTask({
      name: 'database_query_optimization',
      permissions: ['system.read'],
      agent,
      description:
        'Measures the tables: writes, reads and removes rows of its own, reads and counts the partitions of the tenant. Says which table and partition is slow or hot, with percentiles, and what to change.',
      timeoutMs: 30_000,
      input: z.strictObject({
        times: z.int().min(5).max(100).default(30).describe('How often each operation is measured.'),
      }),
      output: reportSchema,
      async run({ times }, helpers) {
        const look = await lookAtTables(deps, helpers, {
          withinMs: timeFor(helpers, 25_000),
          times,
          count: true,
        });
        const findings = [...tableFindings(look)];
        const [slowest] = operationsBySlowness(look);
        const summary = slowest
          ? `The slowest of ${look.tables.length} tables is ${slowest.table}: a ${slowest.operation} takes ${slowest.times.p50Ms} ms in the median, ${slowest.times.p95Ms} ms in the 95th percentile.`
          : 'Nothing could be measured of the tables.';
        return succeed({ summary, facts: tableFacts(look), findings });
      },
    }),
    defineTask({
      name: 'database_health_check',
      permissions: ['system.read'],
      agent,
      description:
        'Writes, reads and removes a few rows of its own and asks each table for a row: whether the tables are there and answer.',
      timeoutMs: 15_000,
      input: z.strictObject({}),
      output: verdictSchema,
      async run(_, helpers) {
        const look = await lookBriefly(deps, helpers, timeFor(helpers, 5_000));
        return succeed(verdict(tableFindings(look), tableFacts(look)));
      },
    }),
    defineTask({
      name: 'database_performance_validation',
      permissions: ['system.read'],
      agent,
      description:
        'Measures each table and the partitions of the tenant in it; does not pass where an operation takes longer in the median than its budget.',
      timeoutMs: 20_000,
      input: z.strictObject({}),
      output: verdictSchema,
      async run(_, helpers) {
        const withinMs = timeFor(helpers, 15_000);
        const look = await lookAtTables(deps, helpers, { withinMs, times: 10, count: false });
        const found = tableFindings(look).map(brokenBudget);
        return succeed(verdict(found, { budgetMs: TABLE_OPERATION_MS, ...tableFacts(look) }));
      },
    }),
    defineTask({
      name: 'check_database_performance',
      permissions: ['system.read'],
      agent,
      description: 'Whether the tables answer, and within their budget: a short look for the health check.',
      timeoutMs: 5_000,
      input: z.strictObject({}),
      output: healthSchema,
      async run(_, helpers) {
        const look = await lookBriefly(deps, helpers, timeFor(helpers, 4_000));
        return succeed(health(tableFindings(look), tableFacts(look)));
      },
    }),
  ];
}

/** What a look only warns of is what this check is about. */
const brokenBudget = (finding: Finding): Finding =>
  finding.rule === 'table_operation_slow' ? { ...finding, severity: 'critical' } : finding;
