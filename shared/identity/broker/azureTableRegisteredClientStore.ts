import { purgeExpired } from '../../platform/tables/purgeExpired.ts';
import type { OpenTable, RowKey, TableCodec } from '../../platform/tables/tables.ts';
import {
  type RegisteredClient,
  registeredClientSchema,
  type RegisteredClientStore,
} from './clientRegistration.ts';

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
    purge: (now) => purgeExpired(table, codec, now),
  };
}
