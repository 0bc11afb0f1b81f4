import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { azureTableProbe } from '../../platform/tables/azureTableProbe.ts';
import type { Config } from '../../platform/config/config.ts';
import { tableNames } from '../../platform/config/topology.ts';
import { measure } from './measure.ts';
import { type TableFault, type TableFigures, lookAtTable } from './measureTable.ts';
import { type OwnRowTimes, measureOwnRows } from './ownRows.ts';

/** What was measured of the table service. */
export interface TablesLook {
  /** Of rows of its own in the table `state`. */
  readonly ownRows: OwnRowTimes;
  readonly tables: readonly TableFigures[];
  readonly faults: readonly TableFault[];
  /** For which the time did not suffice, wholly or in part. */
  readonly unmeasured: readonly string[];
}

export interface TablesDepth {
  readonly withinMs: number;
  /** Of each operation. */
  readonly times: number;
  /** Whether to count the rows of each partition. */
  readonly count: boolean;
}

/** Where the tables are. */
export interface TablesDeps {
  readonly config: Pick<Config, 'tables'>;
}

type Helpers = Pick<TaskHelpers, 'tenantId' | 'delegationId' | 'signal' | 'clock'>;

const OWN_TABLE = 'state';
/** A table that hangs must not keep the others from being looked at. */
const TABLE_WITHIN_MS = 4_000;
const BRIEF_TIMES = 5;

/**
 * Measures the tables one after another, since several at once would measure each other: rows of its own first, then of each
 * table the partitions of the tenant. Others' rows are read only, and of other tenants not even that.
 */
export async function lookAtTables(
  { config }: TablesDeps,
  helpers: Helpers,
  { withinMs, times, count }: TablesDepth,
): Promise<TablesLook> {
  const endsAt = performance.now() + withinMs;
  const ownRows = await measureOwnRows(azureTableProbe(config.tables, OWN_TABLE), helpers, {
    times,
    withinMs: Math.min(TABLE_WITHIN_MS, withinMs / 2),
  });
  const faults: TableFault[] = faultsOfOwnRows(ownRows);
  const tables: TableFigures[] = [];
  const unmeasured: string[] = [];
  for (const table of tableNames) {
    if (isAway(faults)) break;
    const leftMs = endsAt - performance.now();
    if (leftMs <= 0 || helpers.signal.aborted) {
      unmeasured.push(table);
      continue;
    }
    const probe = azureTableProbe(config.tables, table);
    const within = Math.min(TABLE_WITHIN_MS, leftMs);
    const looked = await lookAtTable({
      table,
      probe,
      helpers,
      endsAt: performance.now() + within,
      times,
      count,
    });
    tables.push(looked.figures);
    if (looked.faults.length === 0 && !looked.figures.read) unmeasured.push(table);
    faults.push(...looked.faults);
  }
  return { ownRows, tables, faults, unmeasured };
}

/** Whether it is the service that does not answer, and not one of its tables: the others need not be asked. */
function isAway(faults: readonly TableFault[]): boolean {
  const hung = new Set(faults.filter(({ kind }) => kind === 'hung').map(({ table }) => table));
  return hung.size > 1 || faults.some(({ kind, reason }) => kind === 'failed' && reason !== 'TableNotFound');
}

/** A few rows of its own, then one row of each table, of all at once: what matters is whether they answer. */
export async function lookBriefly(
  { config }: TablesDeps,
  helpers: Helpers,
  withinMs: number,
): Promise<TablesLook> {
  const endsAt = performance.now() + withinMs;
  const probe = azureTableProbe(config.tables, OWN_TABLE);
  const ownRows = await measureOwnRows(probe, helpers, { times: BRIEF_TIMES, withinMs: withinMs / 2 });
  const asked = await Promise.all(
    tableNames.map(async (table) => {
      const each = azureTableProbe(config.tables, table);
      const key = { partition: helpers.tenantId, row: 'none' };
      const limits = { withinMs: endsAt - performance.now(), signal: helpers.signal, times: BRIEF_TIMES };
      return { table, ...(await measure((signal) => each.read(key, signal), limits)) };
    }),
  );
  return {
    ownRows,
    tables: asked.map(({ table, times }) => ({ table, ...(times && { read: times }), partitions: [] })),
    faults: [
      ...faultsOfOwnRows(ownRows),
      ...asked.flatMap(({ table, fault }) => (fault ? [{ ...fault, table, operation: 'point read' }] : [])),
    ],
    unmeasured: asked.flatMap(({ table, times, fault }) => ((times ?? fault) ? [] : [table])),
  };
}

const faultsOfOwnRows = (times: OwnRowTimes): TableFault[] =>
  Object.entries(times).flatMap(([operation, { fault }]: [string, OwnRowTimes['read']]) =>
    fault ? [{ ...fault, table: OWN_TABLE, operation, partition: 'probe' }] : [],
  );
