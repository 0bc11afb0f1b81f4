import { parseJson } from '../../platform/base/json.ts';
import type { FoundRow } from '../../platform/tables/azureTableRows.ts';
import { odata } from '../../platform/tables/odata.ts';
import { join } from '../../platform/tables/tableDocument.ts';
import { type Block, openBlock } from '../model/block.ts';
import { type Labels, matches, type TrailQuery, type TrailRow } from '../model/trailStore.ts';
import type { Packed } from './mergeRows.ts';

/*
 * The rows of the table. The first character of a row key is the kind of the row: `b` a block, `t` a segment of a chain of blocks.
 * Earlier versions wrote a row for each record (`r`) and other segments (`s`). They do not read `b` and `t`, so they find no fault
 * in them. A chain has one kind: the process that began it writes all of it.
 */

/** Columns of the row of a record. */
export const labelNames = ['actor', 'action', 'resource'] as const satisfies readonly (keyof Labels)[];

/** Partitions of a tenant, part of the stored format. One takes some 2,000 rows a second; each page is read from all of them. */
const SHARDS = 4;

export const partitionsOf = (tenantId: string): readonly string[] =>
  Array.from({ length: SHARDS }, (_, number) => `${tenantId}_${number}`);

/** Returns the partition of a row. A chain is in one partition, so that its blocks and segments change in one transaction. */
export function partitionOf(tenantId: string, key: string): string {
  const [, chain = ''] = /^(?:[rb]\d{13}-|[st])(\w+)-\d+$/.exec(key) ?? [];
  return `${tenantId}_${(chain.codePointAt(0) ?? 0) % SHARDS}`;
}

/** Returns the row key of a block with this newest record. */
export const blockRowKey = (newest: string): string => `b${newest.slice(1)}`;
/** Returns the row key of a segment of a chain of blocks. */
export const segmentRowKey = (key: string): string => `t${key.slice(1)}`;

/** Returns the filter for blocks whose newest record is between two keys. `s` is the end of all keys. */
export const blocksBetween = (from: string, to: string): string =>
  odata`RowKey ge ${blockRowKey(from)} and RowKey le ${to === 's' ? 'c' : blockRowKey(to)}`;

export function blockOf(row: FoundRow): Block {
  const { oldest } = row.properties;
  const newest = newestOf(row);
  let text: string | undefined;
  try {
    text = join(row.properties);
  } catch {
    // Someone changed it.
  }
  return { newest, oldest: typeof oldest === 'string' ? oldest : newest, text };
}

const newestOf = ({ key }: FoundRow): string => `r${key.row.slice(1)}`;

export const packedBlock = (row: FoundRow, query: TrailQuery): Packed => ({
  key: newestOf(row),
  open: () => openBlock(blockOf(row), query),
});

/** Returns the row of a record. The service compared its columns with the query already. */
export function packedRecord(found: FoundRow, { decision, outcome }: TrailQuery): Packed {
  const key = found.key.row;
  return {
    key,
    open() {
      const row = rowOf(found);
      return [matches(row.document, { decision, outcome }) ? { key, row } : { key }];
    },
  };
}

export function packedSegment(found: FoundRow): Packed {
  const key = found.key.row;
  return { key, open: () => [{ key, row: rowOf(found) }] };
}

/** Returns the record or segment of a row. Segments of both kinds have the key that `segmentKey` gives. */
export function rowOf({ key, properties }: FoundRow): TrailRow {
  const labels: Partial<Record<keyof Labels, string>> = {};
  for (const name of labelNames) {
    const label = properties[name];
    if (typeof label === 'string') labels[name] = label;
  }
  const { document } = properties;
  return {
    key: key.row.replace(/^t/, 's'),
    document: typeof document === 'string' ? parseJson(document) : undefined,
    labels,
  };
}
