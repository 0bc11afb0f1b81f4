import { purgeExpired } from '../tables/purgeExpired.ts';
import type { OpenTable, RowKey, TableCodec } from '../tables/tables.ts';
import { type IdempotencyStore, type UsedKey, usedKeySchema } from './idempotency.ts';

/** The first digits of the hash spread the rows over 256 partitions. */
const addressOf = (id: string): RowKey => ({ partition: id.slice(0, 2), row: id });

const codec: TableCodec<UsedKey> = {
  key: ({ id }) => addressOf(id),
  columns: ({ expiresAt }) => ({ expiresAt: new Date(expiresAt) }),
  parse: (document) => usedKeySchema.parse(document),
};

/** Used idempotency keys on Azure Tables, a row for each key. They survive a restart of Redis, as their work does. */
export function azureTableIdempotencyStore(open: OpenTable): IdempotencyStore {
  const table = open('idempotencyKeys', codec);
  return {
    find: (id) => table.get(addressOf(id)),
    add: (key) => table.insert(key),
    replace: (key, etag) => table.replace(key, etag),
    purge: (now) => purgeExpired(table, codec, now),
  };
}
