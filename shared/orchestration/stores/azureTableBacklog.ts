import {
  ANY_ETAG,
  type Change,
  MAX_CHANGES,
  type OpenTable,
  type RowKey,
} from '../../platform/tables/tables.ts';
import { delegationSchema } from '../model/delegation.ts';
import { BACKLOG_PAGE } from '../model/limits.ts';
import type { BacklogEntry, BacklogStore } from '../model/stores.ts';

const entrySchema = delegationSchema.pick({ tenantId: true, agent: true, id: true, createdAt: true });

/** No tenant's id begins with this: backlogs lie beside the delegations, in partitions of their own. */
const PREFIX = 'waiting_';

const partitionOf = ({ tenantId, agent }: Pick<BacklogEntry, 'tenantId' | 'agent'>): string =>
  `${PREFIX}${tenantId}_${agent}`;

/** The row key sorts by time, so that the first row of a partition is the oldest entry. */
const keyOf = (entry: BacklogEntry): RowKey => ({
  partition: partitionOf(entry),
  row: `${entry.createdAt}_${entry.id}`,
});

/** Backlogs on Azure Tables: one partition a backlog, one row an entry. */
export function azureTableBacklogStore(open: OpenTable): BacklogStore {
  const table = open<BacklogEntry>('delegations', {
    key: keyOf,
    columns: () => ({}),
    parse: (document) => entrySchema.parse(document),
  });
  const remove = async (entry: BacklogEntry): Promise<boolean> =>
    (await table.remove(keyOf(entry), ANY_ETAG)) === 'removed';
  /** Commits changes of several entries at once. Returns false where some must be made one by one. */
  const isCommitted = async (changes: readonly Change<BacklogEntry>[]): Promise<boolean> =>
    changes.length > 1 && (await table.commit(changes)) === 'committed';

  return {
    async add(entries) {
      const rows = entries.map(({ tenantId, agent, id, createdAt }) => ({ tenantId, agent, id, createdAt }));
      const distinct = [...new Map(rows.map((row) => [row.id, row])).values()];
      if (await isCommitted(distinct.map((insert) => ({ insert })))) return;
      await Promise.all(distinct.map((row) => table.insert(row)));
    },
    remove,
    async take(tenantId, agent, limit) {
      for (;;) {
        const { items } = await table.page(partitionOf({ tenantId, agent }), Math.min(limit, MAX_CHANGES));
        const removals = items.map((entry) => ({ remove: keyOf(entry), etag: ANY_ETAG }));
        if (items.length === 0 || (await isCommitted(removals))) return items;
        const removed = await Promise.all(items.map(remove));
        // Another caller may have taken all of them.
        if (removed.includes(true)) return items.filter((_, index) => removed[index]);
      }
    },
    first: async (tenantId, agent, limit) =>
      (await table.page(partitionOf({ tenantId, agent }), limit)).items,
    async all() {
      const entries: BacklogEntry[] = [];
      for (let last: BacklogEntry | undefined; ;) {
        const page = await table.search(PREFIX, '', BACKLOG_PAGE, last && keyOf(last));
        entries.push(...page.items);
        if (page.after === undefined) return entries;
        last = page.items.at(-1);
      }
    },
  };
}
