import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { TableProbe } from '../../platform/tables/azureTableProbe.ts';
import { COUNTED_ROWS } from './budgets.ts';
import { type Limits, type MeasuringFault, type Percentiles, measure } from './measure.ts';

/** What was measured of one partition of the caller's tenant. */
export interface PartitionFigures {
  readonly partition: string;
  /** Of its first rows, read whole. */
  readonly page?: Percentiles;
  /** Counted as far as `COUNTED_ROWS`; absent where nobody counted. */
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

/** Sixteen a table is what the largest have. */
const PARTITIONS = 32;
const PAGE_ROWS = 100;
const PAGE_TIMES = 3;

/** A table to look at, and how. */
export interface TableToLookAt {
  readonly table: string;
  readonly probe: TableProbe;
  readonly helpers: Pick<TaskHelpers, 'tenantId' | 'signal'>;
  readonly endsAt: number;
  readonly times: number;
  readonly count: boolean;
}

const limitsOf = ({ endsAt, helpers: { signal } }: TableToLookAt): Limits => ({
  withinMs: endsAt - performance.now(),
  signal,
});

/** Measures one table. Ends with the first fault: what hangs once would take its time again. */
export async function lookAtTable(
  look: TableToLookAt,
): Promise<{ figures: TableFigures; faults: readonly TableFault[] }> {
  const { table, probe, times } = look;
  const { tenantId } = look.helpers;
  const partitions: PartitionFigures[] = [];
  const after = (operation: string, fault: MeasuringFault, partition?: string) => ({
    figures: { table, partitions },
    faults: [{ ...fault, table, operation, ...(partition !== undefined && { partition }) }],
  });
  const listed = await measure((signal) => probe.partitions(tenantId, PARTITIONS, signal), {
    ...limitsOf(look),
    times: 1,
  });
  if (listed.fault) return after('list of partitions', listed.fault);
  let key = { partition: tenantId, row: 'none' };
  for (const partition of listed.last ?? []) {
    if (performance.now() >= look.endsAt) break;
    const { figures, first, fault } = await lookAtPartition(partition, look);
    partitions.push(figures);
    if (fault) return after('page', fault, partition);
    key = first ?? key;
  }
  const read = await measure((signal) => probe.read(key, signal), { ...limitsOf(look), times });
  if (read.fault) return after('point read', read.fault, key.partition);
  return { figures: { table, ...(read.times && { read: read.times }), partitions }, faults: [] };
}

async function lookAtPartition(partition: string, look: TableToLookAt) {
  const { probe } = look;
  const paged = await measure((signal) => probe.page(partition, PAGE_ROWS, signal), {
    ...limitsOf(look),
    times: PAGE_TIMES,
  });
  const counted =
    look.count && !paged.fault
      ? await measure((signal) => probe.count(partition, COUNTED_ROWS, signal), {
          ...limitsOf(look),
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
