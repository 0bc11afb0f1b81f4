import { odata } from '../../platform/tables/odata.ts';
import { ANY_ETAG, type OpenTable, type TableCodec } from '../../platform/tables/tables.ts';
import { type Connection, type ConnectionKey, connectionSchema, type ConnectionStore } from './connection.ts';

/** Connections that one read returns. The first one is nearly always enough. */
const AT_ONCE = 5;

/** A slug has no `_`, so all connections to a server are next to each other. */
const keyOf = ({ tenantId, userId, slug }: ConnectionKey) => ({
  partition: tenantId,
  row: `${slug}_${userId}`,
});

const codec: TableCodec<Connection> = {
  key: keyOf,
  columns: ({ sealed }) => ({ isConnected: sealed !== undefined }),
  parse: (document) => connectionSchema.parse(document),
};

/** Stores connections in Azure Tables: one partition per tenant, one row per server and user. */
export function azureTableConnectionStore(open: OpenTable): ConnectionStore {
  const table = open('connections', codec);
  return {
    find: (key) => table.get(keyOf(key)),
    async put(connection) {
      if ((await table.replace(connection, ANY_ETAG)).status === 'replaced') return;
      // Of two first sign-ins at a time, the later one stays.
      if ((await table.insert(connection)) === 'exists') await table.replace(connection, ANY_ETAG);
    },
    replace: async (connection, etag) =>
      (await table.replace(connection, etag)).status === 'replaced' ? 'replaced' : 'conflict',
    remove: async (key) => ((await table.remove(keyOf(key), ANY_ETAG)) === 'removed' ? 'removed' : 'missing'),
    async *ofServer(tenantId, slug) {
      let after: string | undefined;
      do {
        const page = await table.range(tenantId, `${slug}_`, odata`isConnected eq ${true}`, AT_ONCE, after);
        yield* page.items;
        after = page.after;
      } while (after !== undefined);
    },
  };
}
