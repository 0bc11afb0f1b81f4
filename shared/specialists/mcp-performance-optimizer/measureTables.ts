import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { tableNames } from '../../platform/config/topology.ts';
import type { OpenTableProbe } from '../../platform/tables/azureTableProbe.ts';
import { measure } from './measure.ts';
import {
  measureProbeRows,
  measureTable,
  type ProbeRowTimes,
  type TableFault,
  type TableFigures,
} from './measureTable.ts';

/** The measurements of the table service. */
export interface TableMeasurements {
  /** Probe rows in the table `state`. */
  readonly ownRows: ProbeRowTimes;
  readonly tables: readonly TableFigures[];
  readonly faults: readonly TableFault[];
  /** Tables that were not measured, or not completely, since the time was over. */
  readonly unmeasured: readonly string[];
}

interface TablesDepth {
  readonly withinMs: number;
  /** How often each operation is measured. */
  readonly times: number;
  /** Whether to count the rows of each partition. */
  readonly count: boolean;
}

/** Opens the tables that are measured. */
export interface TablesDeps {
  readonly openTableProbe: OpenTableProbe;
}

type Helpers = Pick<TaskHelpers, 'tenantId' | 'delegationId' | 'signal' | 'clock'>;

const PROBE_TABLE = 'state';
/** A table that hangs must leave time for the others. */
const TABLE_WITHIN_MS = 4_000;
const BRIEF_TIMES = 5;

/**
 * Measures the tables one after another, since parallel measurements would slow each other: probe rows first, then in each table
 * the partitions of the tenant. Changes no rows but the probe rows, and reads no rows of other tenants.
 */
export async function measureTables(
  { openTableProbe }: TablesDeps,
  helpers: Helpers,
  { withinMs, times, count }: TablesDepth,
): Promise<TableMeasurements> {
  const endsAt = performance.now() + withinMs;
  const ownRows = await measureProbeRows(openTableProbe(PROBE_TABLE), helpers, {
    times,
    withinMs: Math.min(TABLE_WITHIN_MS, withinMs / 2),
  });
  const faults: TableFault[] = faultsOfProbeRows(ownRows);
  const tables: TableFigures[] = [];
  const unmeasured: string[] = [];
  for (const table of tableNames) {
    if (isDown(faults)) break;
    const leftMs = endsAt - performance.now();
    if (leftMs <= 0 || helpers.signal.aborted) {
      unmeasured.push(table);
      continue;
    }
    const probe = openTableProbe(table);
    const within = Math.min(TABLE_WITHIN_MS, leftMs);
    const measured = await measureTable({
      table,
      probe,
      helpers,
      endsAt: performance.now() + within,
      times,
      count,
    });
    tables.push(measured.figures);
    if (measured.faults.length === 0 && !measured.figures.read) unmeasured.push(table);
    faults.push(...measured.faults);
  }
  return { ownRows, tables, faults, unmeasured };
}

/** Whether the service does not answer, and not just one of its tables: then the others need not be measured. */
function isDown(faults: readonly TableFault[]): boolean {
  const hung = new Set(faults.filter(({ kind }) => kind === 'hung').map(({ table }) => table));
  return hung.size > 1 || faults.some(({ kind, reason }) => kind === 'failed' && reason !== 'TableNotFound');
}

/** Measures a few probe rows, then one row of each table, all at once: this shows whether the tables answer. */
export async function measureTablesBriefly(
  { openTableProbe }: TablesDeps,
  helpers: Helpers,
  withinMs: number,
): Promise<TableMeasurements> {
  const endsAt = performance.now() + withinMs;
  const probe = openTableProbe(PROBE_TABLE);
  const ownRows = await measureProbeRows(probe, helpers, { times: BRIEF_TIMES, withinMs: withinMs / 2 });
  const reads = await Promise.all(
    tableNames.map(async (table) => {
      const each = openTableProbe(table);
      const key = { partition: helpers.tenantId, row: 'none' };
      const limits = { withinMs: endsAt - performance.now(), signal: helpers.signal, times: BRIEF_TIMES };
      return { table, ...(await measure((signal) => each.read(key, signal), limits)) };
    }),
  );
  return {
    ownRows,
    tables: reads.map(({ table, times }) => ({ table, ...(times && { read: times }), partitions: [] })),
    faults: [
      ...faultsOfProbeRows(ownRows),
      ...reads.flatMap(({ table, fault }) => (fault ? [{ ...fault, table, operation: 'point read' }] : [])),
    ],
    unmeasured: reads.flatMap(({ table, times, fault }) => ((times ?? fault) ? [] : [table])),
  };
}

const faultsOfProbeRows = (times: ProbeRowTimes): TableFault[] =>
  Object.entries(times).flatMap(([operation, { fault }]: [string, ProbeRowTimes['read']]) =>
    fault ? [{ ...fault, table: PROBE_TABLE, operation, partition: 'probe' }] : [],
  );
