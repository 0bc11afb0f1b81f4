import type { TableClient } from '@azure/data-tables';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { lazily } from '../../platform/base/lazily.ts';
import { sendBatch } from '../../platform/tables/azureTableBatch.ts';
import {
  type Act,
  type FoundRow,
  listRows,
  readRow,
  TableRefusal,
} from '../../platform/tables/azureTableRows.ts';
import { odata } from '../../platform/tables/odata.ts';
import { openTableClient, type TablesConnection } from '../../platform/tables/openTables.ts';
import { splitPacked } from '../../platform/tables/tableDocument.ts';
import {
  BLOCK_SPAN_MS,
  MAX_BATCH,
  MAX_BLOCKS_AT_ONCE,
  MAX_ROWS_AT_ONCE,
  MIN_BLOCKS_AT_ONCE,
} from '../limits.ts';
import { openBlock, toBlock } from '../model/block.ts';
import { keyBefore, keyRange, segmentKey, type TrailRow, type TrailStore } from '../model/trailStore.ts';
import {
  blockOf,
  blockRowKey,
  blocksBetween,
  labelNames,
  packedBlock,
  packedRecord,
  packedSegment,
  partitionOf,
  partitionsOf,
  rowOf,
  segmentRowKey,
} from './azureTableTrailRows.ts';
import { mergeRows, type Packed, type Source } from './mergeRows.ts';

const TABLE = 'audit';

/** Stores the trail in Azure Tables: a few partitions per tenant, each with the chains of some instances. */
export function azureTableTrailStore(connection: TablesConnection): TrailStore {
  const opened = lazily(() => openTableClient(connection, TABLE));
  const run = async <A>(operation: string, act: (table: TableClient) => Promise<A>): Promise<A> => {
    try {
      return await act(await opened());
    } catch (error) {
      throw new InfrastructureError('tables', `${operation} ${TABLE}`, error);
    }
  };

  /** Returns the rows of one partition that match, page by page. Later pages are longer: their reader needs more than one. */
  async function* pages(
    partition: string,
    filter: string,
    atOnce: number,
  ): AsyncGenerator<readonly FoundRow[]> {
    const terms = `${odata`PartitionKey eq ${partition}`} and ${filter}`;
    const size = Math.min(atOnce, MAX_ROWS_AT_ONCE);
    const longer = (last: number) => Math.max(last, Math.min(4 * last, MAX_BLOCKS_AT_ONCE));
    let found: ReturnType<typeof listRows> | undefined;
    for (;;) {
      const page = await run('page', (table) => (found ??= listRows(table, terms, size, longer)).next());
      if (page.done) return;
      yield page.value;
    }
  }

  /** Returns a source for each partition of the tenant. */
  const sources = (
    tenantId: string,
    filter: string,
    atOnce: number,
    pack: (row: FoundRow) => Packed,
  ): Source[] =>
    partitionsOf(tenantId).map(async function* (partition) {
      for await (const page of pages(partition, filter, atOnce)) yield page.map(pack);
    });

  const findRow = (tenantId: string, rowKey: string): Promise<TrailRow | undefined> =>
    run('find', async (table) => {
      const found = await readRow(table, { partition: partitionOf(tenantId, rowKey), row: rowKey });
      if (found.row) return rowOf(found.row);
      if (found.code === 'ResourceNotFound') return undefined;
      throw new TableRefusal(found);
    });

  async function findInBlock(tenantId: string, key: string): Promise<TrailRow | undefined> {
    const filter = `${blocksBetween(keyBefore(key, BLOCK_SPAN_MS), key)} and ${odata`oldest ge ${key}`}`;
    for await (const page of pages(partitionOf(tenantId, key), filter, MIN_BLOCKS_AT_ONCE)) {
      const places = page.flatMap((row) => openBlock(blockOf(row)));
      const found = places.find((place) => place.key === key)?.row;
      if (found) return found;
    }
    return undefined;
  }

  return {
    commit: (records, segments) =>
      run('commit', async (table) => {
        const [end] = segments;
        if (!end) throw new RangeError('a commit ends in a segment');
        const partition = partitionOf(end.tenantId, segmentKey(end));
        const { newest, oldest, text } = toBlock(records);
        const key = { partition, row: blockRowKey(newest) };
        const block: Act = ['insert', { key, properties: { oldest, ...splitPacked(text) } }];
        const ends = segments.map((segment): Act => {
          const row = segmentRowKey(segmentKey(segment));
          return ['put', { key: { partition, row }, properties: { document: JSON.stringify(segment) } }];
        });
        const answer = await sendBatch(table, [block, ...ends]);
        if (answer.status < 300) return 'stored';
        if (answer.code === 'EntityAlreadyExists') return 'exists';
        throw new TableRefusal(answer);
      }),
    find: async (tenantId, key) =>
      key.startsWith('s')
        ? ((await findRow(tenantId, segmentRowKey(key))) ?? findRow(tenantId, key))
        : ((await findInBlock(tenantId, key)) ?? findRow(tenantId, key)),
    records: (tenantId, query, limit, after = '') => {
      const { above: begin, below } = keyRange(query);
      const above = after > begin ? after : begin;
      const blocks = `${blocksBetween(keyBefore(above, BLOCK_SPAN_MS), below)} and ${odata`oldest gt ${above}`}`;
      const labels = labelNames.filter((name) => query[name] !== undefined);
      const rows = [
        odata`RowKey gt ${above} and RowKey lt ${below}`,
        ...labels.map((name) => `${name} ${odata`eq ${query[name] ?? ''}`}`),
      ].join(' and ');
      const blocksAtOnce = MIN_BLOCKS_AT_ONCE + Math.ceil(limit / MAX_BATCH);
      return mergeRows(
        [
          ...sources(tenantId, blocks, blocksAtOnce, (row) => packedBlock(row, query)),
          ...sources(tenantId, rows, limit + 1, (row) => packedRecord(row, query)),
        ],
        { above, below },
        limit,
      );
    },
    segments: async (tenantId, limit, above = 's') => {
      const filter = odata`RowKey gt ${above} and RowKey lt ${'u'}`;
      return mergeRows(sources(tenantId, filter, limit + 1, packedSegment), { above, below: 'u' }, limit);
    },
  };
}
