import { MAX_EXAMINED } from '../limits.ts';
import type { Found } from '../model/block.ts';
import type { TrailPage, TrailRow } from '../model/trailStore.ts';

/** A stored row that holds records. */
export interface Packed {
  /** The key of its newest record. */
  readonly key: string;
  /** Returns the places of its records. */
  open(): readonly Found[];
}

/** The packed records of one query to the service, in the order of their keys, page by page. */
export type Source = AsyncIterator<readonly Packed[], unknown>;

/**
 * Returns the first rows after a key from all sources together, in the order of their keys. Blocks of several instances overlap in
 * time. So a place counts once no unopened block can hold an earlier one, and only blocks that are needed for the page are opened.
 */
export async function mergeRows(
  sources: readonly Source[],
  { above, below }: { readonly above: string; readonly below: string },
  limit: number,
): Promise<TrailPage> {
  const queues = sources.map((source) => ({ source, packed: [] as readonly Packed[], at: 0, ended: false }));
  const rows: TrailRow[] = [];
  let after: string | undefined;
  let held: Found[] = [];
  for (let examined = 0; ; examined++) {
    const empty = queues.filter(({ packed, at, ended }) => at === packed.length && !ended);
    if (empty.length > 0) await Promise.all(empty.map(refill));
    let first: (typeof queues)[number] | undefined;
    for (const queue of queues) if (keyOf(queue) < keyOf(first)) first = queue;
    const next = keyOf(first);
    const known = held.findIndex(({ key }) => key >= next);
    for (const { key, row } of held.slice(0, known === -1 ? held.length : known)) {
      // Two rows of one key, of which one is a copy, are never on two pages: the second page would begin after both.
      if (row && rows.length >= limit && key !== after)
        return { rows, ...(after !== undefined && { after }) };
      if (row) rows.push(row);
      after = key;
    }
    held = known === -1 ? [] : held.slice(known);
    const packed = first?.packed[first.at++];
    if (!packed) return { rows };
    if (examined >= MAX_EXAMINED + limit && after !== undefined) return { rows, after };
    const opened = packed.open().filter(({ key }) => key > above && key < below);
    held = [...held, ...opened].sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

interface Queue {
  readonly source: Source;
  packed: readonly Packed[];
  at: number;
  ended: boolean;
}

/** After the key of every record. */
const END = '~';
const keyOf = (queue: Queue | undefined): string => queue?.packed[queue.at]?.key ?? END;

async function refill(queue: Queue): Promise<void> {
  do {
    const page = await queue.source.next();
    queue.ended = page.done === true;
    queue.packed = page.done === true ? [] : page.value;
    queue.at = 0;
  } while (!queue.ended && queue.packed.length === 0);
}
