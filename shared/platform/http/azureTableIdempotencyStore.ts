import { odata } from '../tables/odata.ts';
import type { OpenTable, RowKey, TableCodec } from '../tables/tables.ts';
import { type IdempotencyStore, type UsedKey, usedKeySchema } from './idempotency.ts';

/** Keys that one purge removes, which takes some seconds, and how many at once. */
const PURGE_LIMIT = 20_000;
const PURGE_AT_ONCE = 20;

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
    async purge(now) {
      const due: Promise<unknown>[] = [];
      let found = 0;
      for await (const { value, etag } of table.scan(odata`expiresAt lt ${now}`)) {
        // A key that was claimed again meanwhile has another ETag and stays.
        due.push(table.remove(addressOf(value.id), etag));
        if (due.length === PURGE_AT_ONCE) await Promise.all(due.splice(0));
        if (++found === PURGE_LIMIT) break;
      }
      await Promise.all(due);
    },
  };
}
