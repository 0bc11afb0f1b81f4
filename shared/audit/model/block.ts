import { parseJson } from '../../platform/base/json.ts';
import { type SealedRecord, SEGMENT_LENGTH } from './record.ts';
import { matches, placeOf, queryFields, recordKey, type TrailQuery, type TrailRow } from './trailStore.ts';

/** The records of one commit, which follow each other in one chain. */
export interface Block {
  /** The keys of its newest and of its oldest record. */
  readonly newest: string;
  readonly oldest: string;
  /** A line for each record, oldest first: its key, a space, its JSON. `undefined` if it cannot be read. */
  readonly text: string | undefined;
}

/** The place of a record in the order of keys, with the record if it matches the query. */
export interface Found {
  readonly key: string;
  readonly row?: TrailRow;
}

export function toBlock(records: readonly SealedRecord[]): Block & { readonly text: string } {
  const [first, last] = [records[0], records.at(-1)];
  if (!first || !last) throw new RangeError('a block holds at least one record');
  const text = records.map((record) => `${record.key} ${record.text}`).join('\n');
  return { newest: last.key, oldest: first.key, text };
}

/**
 * Returns the records of a block, newest first, and which of them match the query. Someone may have changed the block: a line that
 * is no JSON is a row without a document, and a key outside of the block is read as that of its newest record. The first has that
 * key in any case, so that it is in a wrong place when the block is. A block with more lines than a segment has records cannot be
 * read.
 */
export function openBlock({ newest, oldest, text }: Block, query: TrailQuery = {}): readonly Found[] {
  // A million empty lines deflate to a few bytes.
  const lines = text?.split('\n', SEGMENT_LENGTH + 1).reverse() ?? [];
  if (!text || lines.length > SEGMENT_LENGTH) return unreadable(newest, oldest);
  const wanted = wantedTexts(query);
  return lines.map((line, index) => {
    const end = Math.max(line.indexOf(' '), 0);
    const named = line.slice(0, end);
    const key = index > 0 && named >= newest && named <= oldest ? named : newest;
    if (!wanted.every((field) => line.includes(field))) return { key };
    const document = parseJson(line.slice(end));
    return wanted.length === 0 || matches(document, query) ? { key, row: { key, document } } : { key };
  });
}

/** Returns the fields of a query as they stand in the JSON of a record. Most lines without them need not be parsed. */
const wantedTexts = (query: TrailQuery): readonly string[] =>
  queryFields
    .filter((name) => query[name] !== undefined)
    .map((name) => `"${name}":${JSON.stringify(query[name])}`);

/** Returns a row without a document for each record that the block must have had by its keys. */
function unreadable(newest: string, oldest: string): readonly Found[] {
  const first = placeOf(oldest);
  const count = first ? (placeOf(newest)?.seq ?? 0) - first.seq + 1 : 0;
  if (!first || count < 1 || count > SEGMENT_LENGTH)
    return [{ key: newest, row: { key: newest, document: undefined } }];
  return Array.from({ length: count }, (_, index) => {
    const key = recordKey({ ...first, seq: first.seq + count - 1 - index });
    return { key, row: { key, document: undefined } };
  });
}
