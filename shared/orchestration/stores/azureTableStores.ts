import { InfrastructureError } from '../../platform/base/errors.ts';
import { roundRobin } from '../../platform/concurrency/roundRobin.ts';
import { odata } from '../../platform/tables/odata.ts';
import type {
  Columns,
  Mark,
  OnUnreadable,
  OpenTable,
  RowKey,
  Stored,
  Table,
} from '../../platform/tables/tables.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import { type Delegation, delegationSchema } from '../model/delegation.ts';
import { HEALTH_CHECKS_KEPT_DAYS, KEPT_DAYS, PARTITIONS_AT_ONCE } from '../model/limits.ts';
import { hasEnded, HEALTH_PLAN, type Plan, planSchema } from '../model/plan.ts';
import type { DelegationStore, PlanStore } from '../model/stores.ts';
import { newestRows, partitionsOf } from './newestRows.ts';

/** Sixteen partitions a tenant, by the first digit of the id, which is random: one partition takes 2,000 operations a second. */
const keyOf = ({ tenantId, id }: { readonly tenantId: string; readonly id: string }): RowKey => ({
  partition: `${tenantId}_${id.slice(0, 1)}`,
  row: id,
});

export function azureTableDelegationStore(open: OpenTable, tenants: Iterable<string>): DelegationStore {
  const table = open<Delegation>('delegations', {
    key: keyOf,
    columns: (row) => ({ ...columnsOf(row), agent: row.agent, planId: row.planId ?? '' }),
    parse: (document) => delegationSchema.parse(document),
    open: ({ outcome, agent, createdAt }) => (outcome ? undefined : { agent, madeAt: new Date(createdAt) }),
  });
  return {
    ...rowsOf(table),
    unfinished: (madeBefore, onUnreadable) => unfinished(table, tenants, madeBefore, onUnreadable),
    list: (tenantId, { from, to, ...columns }, limit, after) =>
      newestRows(table, tenantId, filterOf(columns), { from, to }, limit, after),
    countUnfinished: async (tenantId) => {
      const counts = new Map<string, number>();
      for await (const { columns } of marksOf(table, tenantId === undefined ? tenants : [tenantId])) {
        const agent = String(columns['agent']);
        counts.set(agent, (counts.get(agent) ?? 0) + 1);
      }
      return counts;
    },
  };
}

export function azureTablePlanStore(open: OpenTable, tenants: Iterable<string>): PlanStore {
  const table = open<Plan>('plans', {
    key: keyOf,
    columns: (row) => ({ ...columnsOf(row), name: row.name, gate: row.gate ?? '' }),
    parse: (document) => planSchema.parse(document),
    open: (plan) => (hasEnded(plan) ? undefined : { madeAt: new Date(plan.createdAt) }),
  });
  return {
    ...rowsOf(table),
    list: (tenantId, { from, to, ...columns }, limit, after) =>
      newestRows(table, tenantId, filterOf(columns), { from, to }, limit, after),
    unfinished: (madeBefore, onUnreadable) => unfinished(table, tenants, madeBefore, onUnreadable),
  };
}

/** Returns the columns that rows of both tables are found and purged by. */
function columnsOf(row: Plan | Delegation): Columns {
  const expiresAt = expiryOf(row);
  return {
    state: row.state,
    traceId: continueTrace(row.traceparent).traceId,
    sessionId: row.sessionId ?? '',
    ...(expiresAt && { expiresAt }),
  };
}

function rowsOf<T extends { readonly tenantId: string; readonly id: string }>(table: Table<T>) {
  return {
    find: (tenantId: string, id: string) => table.get(keyOf({ tenantId, id })),
    add: (value: T) => table.insert(value),
    replace: (value: T, etag: string) => table.replace(value, etag),
    remove: (value: T, etag: string) => table.remove(keyOf(value), etag),
    expired: (now: Date, onUnreadable: OnUnreadable) => table.scan(odata`expiresAt lt ${now}`, onUnreadable),
  };
}

/** Returns the filter for columns with these values. */
const filterOf = (wanted: Readonly<Record<string, string | undefined>>): string =>
  Object.entries(wanted)
    .flatMap(([column, value]) => (value === undefined ? [] : [column + odata` eq ${value}`]))
    .join(' and ');

/** Yields the marks of some tenants in turn, so that a tenant with many does not delay the others. */
const marksOf = <T>(table: Table<T>, tenants: Iterable<string>): AsyncIterable<Mark> =>
  roundRobin(Array.from(tenants, (tenant) => marksOfTenant(table, tenant)));

/** Yields the marks of all partitions of a tenant: a few questions, however much has ended. */
async function* marksOfTenant<T>(table: Table<T>, tenant: string): AsyncIterable<Mark> {
  const partitions = partitionsOf(tenant);
  for (let start = 0; start < partitions.length; start += PARTITIONS_AT_ONCE) {
    const some = partitions.slice(start, start + PARTITIONS_AT_ONCE);
    for (const marks of await Promise.all(some.map((partition) => table.marks(partition)))) yield* marks;
  }
}

async function* unfinished<T>(
  table: Table<T>,
  tenants: Iterable<string>,
  madeBefore: Date,
  onUnreadable: OnUnreadable,
): AsyncIterable<Stored<T>> {
  for await (const { key, columns } of marksOf(table, tenants)) {
    if (!(columns['madeAt'] instanceof Date) || columns['madeAt'] >= madeBefore) continue;
    const stored = await table.get(key).catch((error: unknown) => {
      if (error instanceof InfrastructureError) throw error;
      onUnreadable(key, error);
      return undefined;
    });
    if (stored) yield stored;
  }
}

const DAY_MS = 24 * 60 * 60_000;

/** Returns when an ended plan or delegation may be removed, or `undefined` before its end. */
export function expiryOf(ended: Plan | Delegation): Date | undefined {
  if (ended.finishedAt === undefined) return undefined;
  const days = 'name' in ended && ended.name === HEALTH_PLAN ? HEALTH_CHECKS_KEPT_DAYS : KEPT_DAYS;
  return new Date(Date.parse(ended.finishedAt) + days * DAY_MS);
}
