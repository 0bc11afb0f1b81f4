import type { Finding } from '../finding.ts';
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
import type { TablesLook } from './measureTables.ts';

/** What follows from a look at the tables. */
export function tableFindings(look: TablesLook): readonly Finding[] {
  return [
    ...faultFindings(look.faults),
    ...slowOperations(look),
    ...slowPartitions(look.tables),
    ...look.tables.flatMap(largePartitions),
    ...look.tables.flatMap(unevenPartitions),
    ...unmeasuredTables(look),
  ];
}

/** One finding for what has one cause, however many tables show it. */
function faultFindings(faults: readonly TableFault[]): readonly Finding[] {
  const alike = Map.groupBy(faults, ({ kind, reason }) => `${kind} ${reason}`);
  return [...alike.values()].map((some) => faultFinding(some)).filter((finding) => finding !== undefined);
}

function faultFinding(faults: readonly TableFault[]): Finding | undefined {
  const [first] = faults;
  if (!first) return undefined;
  const { kind, reason, operation, partition, afterMs } = first;
  const tables = [...new Set(faults.map(({ table }) => table))];
  const evidence = { tables, operation, ...(partition !== undefined && { partition }), reason, afterMs };
  const named = tables.join(', ');
  if (reason === 'TableNotFound')
    return {
      rule: 'table_missing',
      severity: 'critical',
      message: `The storage account has no table ${named}.`,
      evidence,
      remedy:
        'Deploy the storage of infra/ again, which makes the tables: what the apps keep there is lost without them.',
    };
  if (kind === 'hung')
    return {
      rule: 'table_hangs',
      severity: 'critical',
      message: `A ${operation} of the table ${named} had no answer after ${Math.round(afterMs)} ms.`,
      evidence,
      remedy:
        'Look at the metrics of the storage account (availability, throttling) and at the network between it and the app; where one partition alone hangs, at what writes to it.',
    };
  return {
    rule: 'tables_unreachable',
    severity: 'critical',
    message: `The table service cannot be used: a ${operation} of the table ${named} failed (${reason}).`,
    evidence,
    remedy:
      'Check that the storage account is up, that its firewall lets the app in, and that MREG_TABLES and the role assignments of its identity are right.',
  };
}

interface Operation {
  readonly table: string;
  readonly operation: string;
  readonly times: Percentiles | undefined;
}

/** Every operation that was measured, the slowest first. */
export function operationsBySlowness({ ownRows, tables }: TablesLook): readonly (Operation & {
  readonly times: Percentiles;
})[] {
  const own = Object.entries(ownRows).map(
    ([operation, { times }]: [string, TablesLook['ownRows']['read']]) => ({
      table: 'state' as const,
      operation: `${operation} of an own row`,
      times,
    }),
  );
  const others = tables.flatMap(({ table, read, partitions }): Operation[] => [
    { table, operation: 'point read', times: read },
    ...partitions.map(({ partition, page }) => ({ table, operation: `page of ${partition}`, times: page })),
  ]);
  return [...own, ...others]
    .flatMap(({ times, ...rest }) => (times ? [{ ...rest, times }] : []))
    .sort((a, b) => b.times.p50Ms - a.times.p50Ms);
}

function slowOperations(look: TablesLook): readonly Finding[] {
  const slow = operationsBySlowness(look).filter(({ times }) => times.p50Ms > TABLE_OPERATION_MS);
  const [worst] = slow;
  if (!worst) return [];
  const { table, operation, times } = worst;
  return [
    {
      rule: 'table_operation_slow',
      severity: 'warning',
      message: `A ${operation} in the table ${table} takes ${times.p50Ms} ms in the median, of ${TABLE_OPERATION_MS} ms that it may take; ${slow.length} operations do.`,
      evidence: {
        budgetMs: TABLE_OPERATION_MS,
        slow: slow.slice(0, 10).map(({ times: { p50Ms, p95Ms }, ...rest }) => ({ ...rest, p50Ms, p95Ms })),
      },
      remedy:
        'Where all operations are slow, move the storage account and the apps into one region and look for throttling (ServerBusy) in its metrics; where one table is, see what reads or writes much of it.',
    },
  ];
}

function slowPartitions(tables: readonly TableFigures[]): readonly Finding[] {
  const measured = tables.flatMap(({ table, partitions }) =>
    partitions.flatMap(({ partition, page }) => (page ? [{ table, partition, p50Ms: page.p50Ms }] : [])),
  );
  if (measured.length < 3) return [];
  const usualMs = percentiles(measured.map(({ p50Ms }) => p50Ms)).p50Ms;
  return measured
    .filter(({ p50Ms }) => p50Ms > SLOW_PARTITION_FLOOR_MS && p50Ms > SLOW_PARTITION_FACTOR * usualMs)
    .map(({ table, partition, p50Ms }) => ({
      rule: 'slow_partition',
      severity: 'warning',
      message: `A page of the partition ${partition} of ${table} takes ${p50Ms} ms, of others ${usualMs} ms.`,
      evidence: { table, partition, p50Ms, usualMs, partitionsMeasured: measured.length },
      remedy:
        'A partition is served by one server, which takes some 2,000 operations a second: find what asks for this one so often, or divide its rows among more partitions.',
    }));
}

function largePartitions({ table, partitions }: TableFigures): readonly Finding[] {
  return partitions
    .filter(({ rows = 0 }) => rows >= COUNTED_ROWS)
    .map(({ partition, bytesPerRow }) => ({
      rule: 'large_partition',
      severity: 'warning',
      message: `The partition ${partition} of ${table} has ${COUNTED_ROWS} rows or more.`,
      evidence: { table, partition, rowsAtLeast: COUNTED_ROWS, bytesPerRow },
      remedy: `Remove rows of ${table} that nobody needs any more: lists and sweeps of it read ${COUNTED_ROWS / 1_000} pages or more.`,
    }));
}

const rowsOf = ({ rows = 0 }: PartitionFigures): number => rows;

function unevenPartitions({ table, partitions }: TableFigures): readonly Finding[] {
  const sum = partitions.reduce((rows, partition) => rows + rowsOf(partition), 0);
  const average = sum / partitions.length;
  return partitions
    .filter(
      (partition) => rowsOf(partition) >= UNEVEN_FLOOR_ROWS && rowsOf(partition) > UNEVEN_FACTOR * average,
    )
    .map(({ partition, rows }) => ({
      rule: 'hot_partition',
      severity: 'warning',
      message: `The partition ${partition} of ${table} has ${rows} rows, the average of ${partitions.length} partitions is ${Math.round(average)}.`,
      evidence: { table, partition, rows, averageRows: Math.round(average), partitions: partitions.length },
      remedy:
        'Its ids begin alike, or one chain writes most: spread what is written there, since one partition takes 2,000 operations a second however many there are.',
    }));
}

function unmeasuredTables({ unmeasured }: TablesLook): readonly Finding[] {
  if (unmeasured.length === 0) return [];
  return [
    {
      rule: 'tables_unmeasured',
      severity: 'info',
      message: `There was no time to measure ${unmeasured.join(', ')} to the end.`,
      evidence: { tables: unmeasured },
      remedy: 'Ask again when the others answer faster.',
    },
  ];
}
