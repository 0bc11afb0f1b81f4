import type { Page, Table } from '../../platform/tables/tables.ts';
import { timeDigits } from '../model/rowIds.ts';

const hexDigits = Array.from('0123456789abcdef');

/** Returns the partitions of a tenant, which follow from the first digit of its rows' random ids. */
export const partitionsOf = (tenantId: string): readonly string[] =>
  hexDigits.map((digit) => `${tenantId}_${digit}`);

export interface Span {
  /** The first and the last time, both included. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Rows of one partition that are read at once: some more than a page needs of each. */
const chunkOf = (limit: number): number => Math.max(4, Math.ceil(limit / hexDigits.length) * 2);

/** The place of an id among those of all partitions. */
const placeOf = (id: string): string => id.slice(1);

/**
 * Returns rows of a tenant, the newest id first, from all its partitions. Each partition is read in small pages, and only as far
 * as the page needs. Two ids at the same place, which 80 random bits rule out, could lose one at the end of a page.
 */
export async function newestRows<T extends { readonly id: string }>(
  table: Pick<Table<T>, 'range'>,
  tenantId: string,
  filter: string,
  { from, to }: Span,
  limit: number,
  after?: string,
): Promise<Page<T>> {
  const begin = [after === undefined ? '' : placeOf(after), to === undefined ? '' : timeDigits(to)]
    .sort()
    .at(-1);
  const end = from === undefined ? undefined : `${timeDigits(from)}\uffff`;
  const sources = partitionsOf(tenantId).map((partition) =>
    rowsOf(
      table,
      partition,
      filter,
      chunkOf(limit),
      begin === '' ? undefined : partition.slice(-1) + (begin ?? ''),
    ),
  );
  const items: T[] = [];
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    let first: number | undefined;
    heads.forEach(({ done, value }, index) => {
      if (done === true) return;
      const best = first === undefined ? undefined : heads[first]?.value;
      if (!best || placeOf(value.id) < placeOf(best.id)) first = index;
    });
    const row = first === undefined ? undefined : heads[first]?.value;
    if (first === undefined || !row || (end !== undefined && placeOf(row.id) > end)) return { items };
    const last = items.at(-1);
    if (items.length === limit) return { items, ...(last && { after: last.id }) };
    items.push(row);
    const source = sources[first];
    if (source) heads[first] = await source.next();
  }
}

async function* rowsOf<T>(
  table: Pick<Table<T>, 'range'>,
  partition: string,
  filter: string,
  chunk: number,
  after: string | undefined,
): AsyncGenerator<T, undefined> {
  for (let position = after; ;) {
    const page = await table.range(partition, '', filter, chunk, position);
    yield* page.items;
    if (page.after === undefined) return undefined;
    position = page.after;
  }
}
