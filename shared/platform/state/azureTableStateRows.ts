import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Clock } from '../base/clock.ts';
import { InfrastructureError } from '../base/errors.ts';
import type { IdSource } from '../base/ids.ts';
import { createKeyedMutex } from '../concurrency/keyedMutex.ts';
import { odata } from '../tables/odata.ts';
import type { OpenTable, RowKey, Stored } from '../tables/tables.ts';

/** Attempts to change a row that other instances change too. They take some two seconds. */
const MAX_ATTEMPTS = 20;
const MAX_RETRY_DELAY_MS = 200;
/** Rows that one purge removes, and how many at once. */
const PURGE_LIMIT = 1_000;
const PURGE_AT_ONCE = 10;

const rowSchema = z.object({
  kind: z.enum(['value', 'counter', 'lease']),
  key: z.string(),
  /** A decimal number for a counter (its count) and a lease (its fence). */
  value: z.string(),
  /** 0 for a released lease. */
  expiresAtMs: z.number(),
  keepUntilMs: z.number(),
  /** The id of the change that wrote the row. */
  mark: z.string(),
});
export type StateRow = z.infer<typeof rowSchema>;
type Name = Pick<StateRow, 'kind' | 'key'>;
type Content = Pick<StateRow, 'value' | 'expiresAtMs' | 'keepUntilMs'>;

/** The write that changes a row, and the answer to the caller once it is done. */
export interface StateChange<A> {
  readonly answer: A;
  /** Absent: the row is not changed. */
  readonly write?: Content | 'no row';
}

export interface StateRows {
  get(name: Name): Promise<StateRow | undefined>;
  /** Calls `decide` with the stored row, expired or not, and again after a conflict with another change. */
  change<A>(name: Name, decide: (row: StateRow | undefined, now: number) => StateChange<A>): Promise<A>;
  purge(now: Date): Promise<number>;
}

/** Any text may be a key, so the hash of the key names the row. Its first digits spread the rows over 256 partitions. */
function addressOf({ kind, key }: Name): RowKey {
  const hash = createHash('sha256').update(key).digest('hex');
  return { partition: hash.slice(0, 2), row: `${kind}_${hash}` };
}

export function openStateRows(open: OpenTable, clock: Clock, newId: IdSource): StateRows {
  const table = open<StateRow>('state', {
    key: addressOf,
    columns: ({ keepUntilMs }) => ({ keepUntil: new Date(keepUntilMs) }),
    parse: (document) => rowSchema.parse(document),
  });
  // Changes of one instance never conflict with each other.
  const exclusively = createKeyedMutex();

  async function write(found: Stored<StateRow> | undefined, row: StateRow | undefined): Promise<boolean> {
    if (found && row) return (await table.replace(row, found.etag)).status === 'replaced';
    if (row) return (await table.insert(row)) === 'inserted';
    return !found || (await table.remove(addressOf(found.value), found.etag)) === 'removed';
  }

  return {
    get: async (name) => (await table.get(addressOf(name)))?.value,

    change: (name, decide) =>
      exclusively(`${name.kind} ${name.key}`, async () => {
        const mark = newId();
        let decided: ReturnType<typeof decide> | undefined;
        for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
          const found = await table.get(addressOf(name));
          // The SDK retries a write whose answer was lost, and then conflicts with its own row.
          if (decided && found?.value.mark === mark) return decided.answer;
          decided = decide(found?.value, clock.now().getTime());
          if (decided.write === undefined) return decided.answer;
          const row = decided.write === 'no row' ? undefined : { ...name, ...decided.write, mark };
          if (await write(found, row)) return decided.answer;
          await delay(Math.random() * Math.min(MAX_RETRY_DELAY_MS, 5 * 2 ** attempt));
        }
        const cause = new Error(`${MAX_ATTEMPTS} attempts conflicted with other changes`);
        throw new InfrastructureError('tables', 'change state', cause);
      }),

    purge: async (now) => {
      const due: { readonly address: RowKey; readonly etag: string }[] = [];
      for await (const { value, etag } of table.scan(odata`keepUntil lt ${now}`)) {
        due.push({ address: addressOf(value), etag });
        if (due.length === PURGE_LIMIT) break;
      }
      let removed = 0;
      for (let start = 0; start < due.length; start += PURGE_AT_ONCE) {
        const some = due.slice(start, start + PURGE_AT_ONCE);
        // A row that was replaced meanwhile has another ETag and stays.
        const outcomes = await Promise.all(some.map(({ address, etag }) => table.remove(address, etag)));
        removed += outcomes.filter((outcome) => outcome === 'removed').length;
      }
      return removed;
    },
  };
}
