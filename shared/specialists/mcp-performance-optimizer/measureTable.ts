import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { TableProbe } from '../../platform/tables/azureTableProbe.ts';
import type { RowKey } from '../../platform/tables/tables.ts';
import { COUNTED_ROWS } from './budgets.ts';
import {
  type Limits,
  measure,
  type Measured,
  measureEach,
  type MeasuringFault,
  type Percentiles,
} from './measure.ts';

/** The measurements of one partition of the caller's tenant. */
export interface PartitionFigures {
  readonly partition: string;
  /** Reads of its first rows, with all columns. */
  readonly page?: Percentiles;
  /** At most `COUNTED_ROWS`; absent if the rows were not counted. */
  readonly rows?: number;
  readonly bytesPerRow?: number;
}

export interface TableFault extends MeasuringFault {
  readonly table: string;
  readonly operation: string;
  readonly partition?: string;
}

export interface TableFigures {
  readonly table: string;
  readonly read?: Percentiles;
  readonly partitions: readonly PartitionFigures[];
}

/** The largest tables have sixteen. */
const PARTITIONS = 32;
const PAGE_ROWS = 100;
const PAGE_TIMES = 3;

/** A table to measure, and how. */
interface TableTarget {
  readonly table: string;
  readonly probe: TableProbe;
  readonly helpers: Pick<TaskHelpers, 'tenantId' | 'signal'>;
  readonly endsAt: number;
  readonly times: number;
  readonly count: boolean;
}

const limitsOf = ({ endsAt, helpers: { signal } }: TableTarget): Limits => ({
  withinMs: endsAt - performance.now(),
  signal,
});

/** Measures one table. Stops at the first fault: an operation that hung once would hang again. */
export async function measureTable(
  target: TableTarget,
): Promise<{ figures: TableFigures; faults: readonly TableFault[] }> {
  const { table, probe, times } = target;
  const { tenantId } = target.helpers;
  const partitions: PartitionFigures[] = [];
  const after = (operation: string, fault: MeasuringFault, partition?: string) => ({
    figures: { table, partitions },
    faults: [{ ...fault, table, operation, ...(partition !== undefined && { partition }) }],
  });
  const listed = await measure((signal) => probe.partitions(tenantId, PARTITIONS, signal), {
    ...limitsOf(target),
    times: 1,
  });
  if (listed.fault) return after('list of partitions', listed.fault);
  let key = { partition: tenantId, row: 'none' };
  for (const partition of listed.last ?? []) {
    if (performance.now() >= target.endsAt) break;
    const { figures, first, fault } = await measurePartition(partition, target);
    partitions.push(figures);
    if (fault) return after('page', fault, partition);
    key = first ?? key;
  }
  const read = await measure((signal) => probe.read(key, signal), { ...limitsOf(target), times });
  if (read.fault) return after('point read', read.fault, key.partition);
  return { figures: { table, ...(read.times && { read: read.times }), partitions }, faults: [] };
}

async function measurePartition(partition: string, target: TableTarget) {
  const { probe } = target;
  const paged = await measure((signal) => probe.page(partition, PAGE_ROWS, signal), {
    ...limitsOf(target),
    times: PAGE_TIMES,
  });
  const counted =
    target.count && !paged.fault
      ? await measure((signal) => probe.count(partition, COUNTED_ROWS, signal), {
          ...limitsOf(target),
          times: 1,
        })
      : {};
  const { times: page, last } = paged;
  const fault = paged.fault ?? counted.fault;
  const figures: PartitionFigures = {
    partition,
    ...(page && { page }),
    ...(counted.last !== undefined && { rows: counted.last }),
    ...(last && last.rows > 0 && { bytesPerRow: Math.round(last.bytes / last.rows) }),
  };
  return { figures, first: last?.first, ...(fault && { fault }) };
}

/** The measurements of probe rows, which no app uses. */
export interface ProbeRowTimes {
  readonly write: Measured;
  readonly read: Measured;
  readonly remove: Measured;
}

/** Probe rows that are older were left by a task that died. */
const LEFT_AFTER_MS = 600_000;
/** To remove the rows of a measurement that was aborted. */
const TIDY_WITHIN_MS = 500;

/** Writes probe rows, reads them and removes them, one operation after another. Removes old probe rows, too. */
export async function measureProbeRows(
  probe: TableProbe,
  { delegationId, signal, clock }: Pick<TaskHelpers, 'delegationId' | 'signal' | 'clock'>,
  { times, withinMs }: { readonly times: number; readonly withinMs: number },
): Promise<ProbeRowTimes> {
  const endsAt = performance.now() + withinMs;
  const limits = () => ({ withinMs: endsAt - performance.now(), signal });
  const now = clock.now();
  const written: RowKey[] = [];
  const names = Array.from({ length: times }, (_, index) => `${delegationId}_${index}`);
  const write = await measureEach(
    names,
    async (name, limit) => written.push(await probe.write(now, name, limit)),
    limits(),
  );
  const read = await measureEach(written, (key, limit) => probe.read(key, limit), limits());
  const remove = await measureEach(written, (key, limit) => probe.remove(key, limit), limits());
  const tidy = async (limit: AbortSignal) => {
    if (remove.fault) await Promise.all(written.map((key) => probe.remove(key, limit)));
    await probe.clear(new Date(now.getTime() - LEFT_AFTER_MS), limit);
  };
  await measure(tidy, { times: 1, withinMs: TIDY_WITHIN_MS, signal });
  return { write, read, remove };
}
