import { ANY_ETAG, type OpenTable, type RowKey } from '../../platform/tables/tables.ts';
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
  return {
    add: async ({ tenantId, agent, id, createdAt }) => {
      await table.insert({ tenantId, agent, id, createdAt });
    },
    remove: async (entry) => (await table.remove(keyOf(entry), ANY_ETAG)) === 'removed',
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
