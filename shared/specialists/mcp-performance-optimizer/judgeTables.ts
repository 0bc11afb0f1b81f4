import { defineFindings, type Finding } from '../finding.ts';
import {
  COUNTED_ROWS,
  SLOW_PARTITION_FACTOR,
  SLOW_PARTITION_FLOOR_MS,
  TABLE_OPERATION_MS,
  UNEVEN_FACTOR,
  UNEVEN_FLOOR_ROWS,
} from './budgets.ts';
import { type Percentiles, percentiles } from './measure.ts';
import type { PartitionFigures, TableFault, TableFigures } from './measureTable.ts';
import type { TableMeasurements } from './measureTables.ts';

interface FaultFacts extends Pick<TableFault, 'operation' | 'partition' | 'reason' | 'afterMs'> {
  readonly tables: readonly string[];
}
interface PartitionFacts {
  readonly table: string;
  readonly partition: string;
}

const finding = defineFindings({
  table_missing: ({ tables }: FaultFacts) => ({
    severity: 'critical',
    message: `the storage account has no table ${tables.join(', ')}`,
    remedy:
      'Deploy the storage of infra/ again, which creates the tables. The apps cannot store such data before that.',
  }),
  table_hangs: ({ tables, operation, afterMs }: FaultFacts) => ({
    severity: 'critical',
    message: `a ${operation} of the table ${tables.join(', ')} had no answer after ${Math.round(afterMs)} ms`,
    remedy:
      'Check the metrics of the storage account (availability, throttling) and the network between it and the app. If one partition alone hangs, check what writes to it.',
  }),
  tables_unreachable: ({ tables, operation, reason }: FaultFacts) => ({
    severity: 'critical',
    message: `the table service cannot be used: a ${operation} of the table ${tables.join(', ')} failed (${reason})`,
    remedy:
      'Check that the storage account is up, that its firewall lets the app in, and that MREG_TABLES and the role assignments of its identity are right.',
  }),
  table_operation_slow: ({ slow }: { slow: readonly MeasuredOperation[] }) => {
    const [worst] = slow;
    return {
      severity: 'warning',
      message: `a ${worst?.operation} in the table ${worst?.table} takes ${worst?.times.p50Ms} ms in the median; its budget is ${TABLE_OPERATION_MS} ms. ${slow.length} operations exceed it`,
      evidence: {
        budgetMs: TABLE_OPERATION_MS,
        slow: slow.slice(0, 10).map(({ times: { p50Ms, p95Ms }, ...rest }) => ({ ...rest, p50Ms, p95Ms })),
      },
      remedy:
        'If all operations are slow, put the storage account and the apps into one region and check its metrics for throttling (ServerBusy). If one table is slow, find out what reads or writes much of it.',
    };
  },
  slow_partition: ({
    table,
    partition,
    p50Ms,
    usualMs,
  }: PartitionFacts & { p50Ms: number; usualMs: number; partitionsMeasured: number }) => ({
    severity: 'warning',
    message: `a page of the partition ${partition} of ${table} takes ${p50Ms} ms, and ${usualMs} ms in other partitions`,
    remedy:
      'One server serves a partition, about 2,000 operations a second: find out what uses this partition so often, or spread its rows over more partitions.',
  }),
  large_partition: ({
    table,
    partition,
  }: PartitionFacts & { rowsAtLeast: number; bytesPerRow: number | undefined }) => ({
    severity: 'warning',
    message: `the partition ${partition} of ${table} has ${COUNTED_ROWS} rows or more`,
    remedy: `Remove rows of ${table} that are no longer needed: lists and sweeps of it read ${COUNTED_ROWS / 1_000} pages or more.`,
  }),
  hot_partition: ({
    table,
    partition,
    rows,
    averageRows,
    partitions,
  }: PartitionFacts & { rows: number; averageRows: number; partitions: number }) => ({
    severity: 'warning',
    message: `the partition ${partition} of ${table} has ${rows} rows, and the average of ${partitions} partitions is ${averageRows}`,
    remedy:
      'Its ids begin alike, or one chain writes most of them: spread the writes, since one partition serves 2,000 operations a second at most.',
  }),
  tables_unmeasured: ({ tables }: { tables: readonly string[] }) => ({
    severity: 'info',
    message: `the time was over before ${tables.join(', ')} could be measured completely`,
    remedy: 'Run the task again when the other tables answer faster.',
  }),
});

/** Judges the measurements of the tables. */
export function tableFindings(measured: TableMeasurements): readonly Finding[] {
  const slow = operationsBySlowness(measured).filter(({ times }) => times.p50Ms > TABLE_OPERATION_MS);
  const { tables, faults, unmeasured } = measured;
  return [
    ...faultFindings(faults),
    ...(slow.length > 0 ? [finding('table_operation_slow', { slow })] : []),
    ...slowPartitions(tables),
    ...tables.flatMap(largePartitions),
    ...tables.flatMap(unevenPartitions),
    ...(unmeasured.length > 0 ? [finding('tables_unmeasured', { tables: unmeasured })] : []),
  ];
}

/** Returns one finding for each cause, however many tables show it. */
function faultFindings(faults: readonly TableFault[]): readonly Finding[] {
  const alike = Map.groupBy(faults, ({ kind, reason }) => `${kind} ${reason}`);
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const { kind, reason, operation, partition, afterMs } = first;
    const tables = [...new Set(group.map(({ table }) => table))];
    const rule =
      reason === 'TableNotFound' ? 'table_missing' : kind === 'hung' ? 'table_hangs' : 'tables_unreachable';
    return [
      finding(rule, { tables, operation, ...(partition !== undefined && { partition }), reason, afterMs }),
    ];
  });
}

interface MeasuredOperation {
  readonly table: string;
  readonly operation: string;
  readonly times: Percentiles;
}

/** Returns every operation that was measured, the slowest first. */
export function operationsBySlowness({ ownRows, tables }: TableMeasurements): readonly MeasuredOperation[] {
  const own = Object.entries(ownRows).map(
    ([operation, { times }]: [string, TableMeasurements['ownRows']['read']]) => ({
      table: 'state',
      operation: `${operation} of an own row`,
      times,
    }),
  );
  const others = tables.flatMap(({ table, read, partitions }) => [
    { table, operation: 'point read', times: read },
    ...partitions.map(({ partition, page }) => ({ table, operation: `page of ${partition}`, times: page })),
  ]);
  return [...own, ...others]
    .flatMap(({ times, ...rest }) => (times ? [{ ...rest, times }] : []))
    .sort((a, b) => b.times.p50Ms - a.times.p50Ms);
}

function slowPartitions(tables: readonly TableFigures[]): readonly Finding[] {
  const measured = tables.flatMap(({ table, partitions }) =>
    partitions.flatMap(({ partition, page }) => (page ? [{ table, partition, p50Ms: page.p50Ms }] : [])),
  );
  if (measured.length < 3) return [];
  const usualMs = percentiles(measured.map(({ p50Ms }) => p50Ms)).p50Ms;
  return measured
    .filter(({ p50Ms }) => p50Ms > SLOW_PARTITION_FLOOR_MS && p50Ms > SLOW_PARTITION_FACTOR * usualMs)
    .map((slow) => finding('slow_partition', { ...slow, usualMs, partitionsMeasured: measured.length }));
}

const largePartitions = ({ table, partitions }: TableFigures): readonly Finding[] =>
  partitions
    .filter(({ rows = 0 }) => rows >= COUNTED_ROWS)
    .map(({ partition, bytesPerRow }) =>
      finding('large_partition', { table, partition, rowsAtLeast: COUNTED_ROWS, bytesPerRow }),
    );

function unevenPartitions({ table, partitions }: TableFigures): readonly Finding[] {
  const rowsOf = ({ rows = 0 }: PartitionFigures): number => rows;
  const average = partitions.reduce((sum, partition) => sum + rowsOf(partition), 0) / partitions.length;
  return partitions
    .map((each) => ({ partition: each.partition, rows: rowsOf(each) }))
    .filter(({ rows }) => rows >= UNEVEN_FLOOR_ROWS && rows > UNEVEN_FACTOR * average)
    .map((facts) =>
      finding('hot_partition', {
        table,
        ...facts,
        averageRows: Math.round(average),
        partitions: partitions.length,
      }),
    );
}
