import { ANY_ETAG, type OpenTable, type RowKey } from '../../platform/tables/tables.ts';
import { delegationSchema } from '../model/delegation.ts';
import type { Place, WaitingLines } from '../model/backlog.ts';

const placeSchema = delegationSchema.pick({ tenantId: true, agent: true, id: true, createdAt: true });

/** No tenant's id begins so: lines lie beside the delegations, in partitions of their own. */
const PREFIX = 'waiting_';
/** Places of a page. One more is read, to learn whether a page follows: 1,000 is the limit of Azure. */
const PAGE = 999;

const partitionOf = ({ tenantId, agent }: Pick<Place, 'tenantId' | 'agent'>): string =>
  `${PREFIX}${tenantId}_${agent}`;

/** The row key sorts by time, so that the first row of a partition is the oldest place of the line. */
const keyOf = (place: Place): RowKey => ({
  partition: partitionOf(place),
  row: `${place.createdAt}_${place.id}`,
});

/** Lines on Azure Tables: a partition a line, a row a place. */
export function azureTableWaitingLines(open: OpenTable): WaitingLines {
  const table = open<Place>('delegations', {
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
      const places: Place[] = [];
      for (let last: Place | undefined; ;) {
        const page = await table.search(PREFIX, '', PAGE, last && keyOf(last));
        places.push(...page.items);
        if (page.after === undefined) return places;
        last = page.items.at(-1);
      }
    },
  };
}
