import { odata } from './odata.ts';
import type { Table, TableCodec } from './tables.ts';

/** Rows that one purge removes, which takes some seconds, and how many at once. */
const PURGE_LIMIT = 20_000;
const PURGE_AT_ONCE = 20;

/** Removes rows whose column `expiresAt` is past. A row that was replaced meanwhile has another ETag and stays. */
export async function purgeExpired<T>(
  table: Pick<Table<T>, 'scan' | 'remove'>,
  codec: Pick<TableCodec<T>, 'key'>,
  now: Date,
): Promise<void> {
  const due: Promise<unknown>[] = [];
  let found = 0;
  for await (const { value, etag } of table.scan(odata`expiresAt lt ${now}`)) {
    due.push(table.remove(codec.key(value), etag));
    if (due.length === PURGE_AT_ONCE) await Promise.all(due.splice(0));
    if (++found === PURGE_LIMIT) break;
  }
  await Promise.all(due);
}
