import { type OpenTable, type RowKey, ANY_ETAG } from '../../platform/tables/tables.ts';
import { delegationSchema } from '../model/delegation.ts';
import { BACKLOG_PAGE } from '../model/limits.ts';
import type { BacklogEntry, BacklogStore } from '../model/stores.ts';

const placeSchema = delegationSchema.pick({ tenantId: true, agent: true, id: true, createdAt: true });

/** No tenant's id begins so: lines lie beside the delegations, in partitions of their own. */
const PREFIX = 'waiting_';

const partitionOf = ({ tenantId, agent }: Pick<BacklogEntry, 'tenantId' | 'agent'>): string =>
  `${PREFIX}${tenantId}_${agent}`;

/** The row key sorts by time, so that the first row of a partition is the oldest place of the line. */
const keyOf = (place: BacklogEntry): RowKey => ({
  partition: partitionOf(place),
  row: `${place.createdAt}_${place.id}`,
});

/** Lines on Azure Tables: a partition a line, a row a place. */
export function azureTableBacklogStore(open: OpenTable): BacklogStore {
  const table = open<BacklogEntry>('delegations', {
    key: keyOf,
    columns: () => ({}),
    parse: (document) => placeSchema.parse(document),
  });
  return {
    join: async ({ tenantId, agent, id, createdAt }) => {
      await table.insert({ tenantId, agent, id, createdAt });
    },
    leave: async (place) => (await table.remove(keyOf(place), ANY_ETAG)) === 'removed',
    first: async (tenantId, agent, limit) =>
      (await table.page(partitionOf({ tenantId, agent }), limit)).items,
    async all() {
      const places: BacklogEntry[] = [];
      for (let last: BacklogEntry | undefined; ;) {
        const page = await table.search(PREFIX, '', BACKLOG_PAGE, last && keyOf(last));
        places.push(...page.items);
        if (page.after === undefined) return places;
        last = page.items.at(-1);
      }
    },
  };
}
