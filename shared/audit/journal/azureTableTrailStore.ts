import type { TableClient, TransactionAction } from '@azure/data-tables';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { lazily } from '../../platform/base/lazily.ts';
import { isRestError, serviceCode } from '../../platform/tables/azureTable.ts';
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
  type Entity,
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
  const run = async <A>(operation: string, act: (table: TableClient) => A | Promise<A>): Promise<A> => {
    try {
      return await act(await opened());
    } catch (error) {
      throw new InfrastructureError('tables', `${operation} ${TABLE}`, error);
    }
  };

  /** Returns the rows of one partition that match, page by page. Later pages are longer: their reader needs more than one. */
  async function* pages(partition: string, filter: string, atOnce: number): AsyncGenerator<Entity[]> {
    const queryOptions = { filter: `${odata`PartitionKey eq ${partition}`} and ${filter}` };
    let maxPageSize = Math.min(atOnce, MAX_ROWS_AT_ONCE);
    let continuationToken: string | undefined;
    do {
      const settings = { maxPageSize, ...(continuationToken !== undefined && { continuationToken }) };
      const page = await run('page', (table) => table.listEntities({ queryOptions }).byPage(settings).next());
      if (page.done) return;
      yield page.value;
      ({ continuationToken } = page.value);
      maxPageSize = Math.max(maxPageSize, Math.min(4 * maxPageSize, MAX_BLOCKS_AT_ONCE));
    } while (continuationToken !== undefined);
  }

  /** Returns a source for each partition of the tenant. */
  const sources = (
    tenantId: string,
    filter: string,
    atOnce: number,
    pack: (entity: Entity) => Packed,
  ): Source[] =>
    partitionsOf(tenantId).map(async function* (partition) {
      for await (const page of pages(partition, filter, atOnce)) yield page.map(pack);
    });

  const findRow = (tenantId: string, rowKey: string): Promise<TrailRow | undefined> =>
    run('find', async (table) => {
      try {
        return rowOf(await table.getEntity(partitionOf(tenantId, rowKey), rowKey));
      } catch (error) {
        if (isRestError(error) && serviceCode(error) === 'ResourceNotFound') return undefined;
        throw error;
      }
    });

  async function findInBlock(tenantId: string, key: string): Promise<TrailRow | undefined> {
    const filter = `${blocksBetween(keyBefore(key, BLOCK_SPAN_MS), key)} and ${odata`oldest ge ${key}`}`;
    for await (const page of pages(partitionOf(tenantId, key), filter, MIN_BLOCKS_AT_ONCE)) {
      const places = page.flatMap((entity) => openBlock(blockOf(entity)));
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
        const partitionKey = partitionOf(end.tenantId, segmentKey(end));
        const { newest, oldest, text } = toBlock(records);
        const block = { partitionKey, rowKey: blockRowKey(newest), oldest, ...splitPacked(text) };
        const ends = segments.map((segment): TransactionAction => {
          const rowKey = segmentRowKey(segmentKey(segment));
          return ['upsert', { partitionKey, rowKey, document: JSON.stringify(segment) }, 'Replace'];
        });
        try {
          await table.submitTransaction([['create', block], ...ends]);
          return 'stored';
        } catch (error) {
          if (isRestError(error) && error.code === 'EntityAlreadyExists') return 'exists';
          throw error;
        }
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
          ...sources(tenantId, blocks, blocksAtOnce, (entity) => packedBlock(entity, query)),
          ...sources(tenantId, rows, limit + 1, (entity) => packedRecord(entity, query)),
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
