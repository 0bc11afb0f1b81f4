import { odata } from '../../platform/tables/odata.ts';
import type { OpenTable, RowKey, TableCodec } from '../../platform/tables/tables.ts';
import {
  type RegisteredClient,
  registeredClientSchema,
  type RegisteredClientStore,
} from './clientRegistration.ts';

/** Clients that one purge removes, and how many at once. */
const PURGE_LIMIT = 20_000;
const PURGE_AT_ONCE = 20;

/** The first digits of the id spread the rows over 256 partitions. */
const addressOf = (id: string): RowKey => ({ partition: id.slice(0, 2), row: id });

const codec: TableCodec<RegisteredClient> = {
  key: ({ id }) => addressOf(id),
  columns: ({ expiresAt }) => ({ expiresAt: new Date(expiresAt) }),
  parse: (document) => registeredClientSchema.parse(document),
};

/** Stores registered clients in Azure Tables, a row for each client. */
export function azureTableRegisteredClientStore(open: OpenTable): RegisteredClientStore {
  const table = open('oauthClients', codec);
  return {
    find: (id) => table.get(addressOf(id)),
    add: (client) => table.insert(client),
    replace: (client, etag) => table.replace(client, etag),
    async purge(now) {
      const due: Promise<unknown>[] = [];
      let found = 0;
      for await (const { value, etag } of table.scan(odata`expiresAt lt ${now}`)) {
        // A client that is used meanwhile has another ETag and stays.
        due.push(table.remove(addressOf(value.id), etag));
        if (due.length === PURGE_AT_ONCE) await Promise.all(due.splice(0));
        if (++found === PURGE_LIMIT) break;
      }
      await Promise.all(due);
    },
  };
}
