import type { TableClient, TableEntityResult, TransactionAction } from '@azure/data-tables';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { parseJson } from '../../platform/base/json.ts';
import { lazily } from '../../platform/base/lazily.ts';
import { isRestError, serviceCode } from '../../platform/tables/azureTable.ts';
import { odata } from '../../platform/tables/odata.ts';
import { openTableClient, type TablesConnection } from '../../platform/tables/openTables.ts';
import { join, splitPacked } from '../../platform/tables/tableDocument.ts';
import { BLOCK_SPAN_MS, MAX_BATCH, MAX_ROWS_AT_ONCE, SEARCH_BLOCKS } from '../limits.ts';
import { type Block, openBlock, toBlock } from '../model/block.ts';
import {
  keyBefore,
  keyRange,
  type Labels,
  matches,
  queryFields,
  segmentKey,
  type TrailQuery,
  type TrailRow,
  type TrailStore,
} from '../model/trailStore.ts';
import { mergeRows, type Packed } from './mergeRows.ts';

const TABLE = 'audit';
const labelNames = ['actor', 'action', 'resource'] as const satisfies readonly (keyof Labels)[];

/** Partitions of a tenant, part of the stored format. One takes some 2,000 rows a second; each page is read from all of them. */
const SHARDS = 4;
const shards = Array.from({ length: SHARDS }, (_, number) => number);

/** Returns the partition of a row. A chain is in one partition, so that its blocks and segments change in one transaction. */
export function partitionOf(tenantId: string, key: string): string {
  const [, chain = ''] = /^(?:[rb]\d{13}-|[st])(\w+)-\d+$/.exec(key) ?? [];
  return `${tenantId}_${(chain.codePointAt(0) ?? 0) % SHARDS}`;
}

/*
 * The first character of a row key is the kind of the row: `b` a block, `t` a segment of a chain of blocks. `r` and `s` are records
 * with rows of their own and their segments, which earlier versions wrote. Those versions do not read `b` and `t`.
 */
export const blockRowKey = (newest: string): string => `b${newest.slice(1)}`;
export const segmentRowKey = (key: string): string => `t${key.slice(1)}`;

type Entity = TableEntityResult<Record<string, unknown>>;

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

  /** Returns the rows of one partition that match, page by page. */
  async function* pages(partition: string, filter: string, maxPageSize: number): AsyncGenerator<Entity[]> {
    const queryOptions = { filter: `${odata`PartitionKey eq ${partition}`} and ${filter}` };
    const found = (await opened()).listEntities({ queryOptions }).byPage({ maxPageSize });
    for (;;) {
      const page = await run('page', () => found.next());
      if (page.done) return;
      yield page.value;
    }
  }

  async function* packed(
    partition: string,
    filter: string,
    atOnce: number,
    pack: (entity: Entity) => Packed,
  ): AsyncGenerator<Packed[]> {
    for await (const page of pages(partition, filter, Math.min(atOnce, MAX_ROWS_AT_ONCE)))
      yield page.map(pack);
  }

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
    for await (const page of pages(partitionOf(tenantId, key), filter, MAX_ROWS_AT_ONCE)) {
      const rows = page.flatMap((entity) => openBlock(blockOf(entity)));
      const found = rows.find((row) => row.key === key);
      if (found?.row) return found.row;
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
      const { above, below } = keyRange(query);
      const start = after > above ? after : above;
      const labels = labelNames.filter((name) => query[name] !== undefined);
      const isNarrow = queryFields.some((name) => query[name] !== undefined);
      const ownRows = [
        odata`RowKey gt ${start} and RowKey lt ${below}`,
        ...labels.map((name) => `${name} ${odata`eq ${query[name] ?? ''}`}`),
      ].join(' and ');
      const blocks = `${blocksBetween(keyBefore(start, BLOCK_SPAN_MS), below)} and ${odata`oldest gt ${start}`}`;
      const sources = shards.flatMap((number) => {
        const partition = `${tenantId}_${number}`;
        return [
          packed(partition, ownRows, isNarrow ? MAX_ROWS_AT_ONCE : limit + 1, (row) => recordRow(row, query)),
          packed(partition, blocks, isNarrow ? SEARCH_BLOCKS : 4 + Math.ceil(limit / MAX_BATCH), (row) =>
            block(row, query),
          ),
        ];
      });
      return mergeRows(sources, { above: start, below }, limit);
    },
    segments: async (tenantId, limit, after = 's') => {
      const filter = odata`RowKey gt ${after} and RowKey lt ${'u'}`;
      const sources = shards.map((number) =>
        packed(`${tenantId}_${number}`, filter, limit + 1, (row) => {
          const key = row.rowKey ?? '';
          return { key, open: () => [{ key, row: rowOf(row) }] };
        }),
      );
      return mergeRows(sources, { above: after, below: 'u' }, limit);
    },
  };
}

/** Returns the filter for blocks whose newest record is between two keys, or between the bounds `r` and `s` of all keys. */
const blocksBetween = (from: string, to: string): string =>
  odata`RowKey ge ${blockRowKey(from)} and RowKey le ${to === 's' ? 'c' : blockRowKey(to)}`;

function blockOf(entity: Entity): Block {
  const { rowKey = '', oldest } = entity;
  const newest = `r${rowKey.slice(1)}`;
  let text: string | undefined;
  try {
    text = join(entity);
  } catch {
    // Someone changed it.
  }
  return { newest, oldest: typeof oldest === 'string' ? oldest : newest, text };
}

const block = (entity: Entity, query: TrailQuery): Packed => ({
  key: `r${(entity.rowKey ?? '').slice(1)}`,
  open: () => openBlock(blockOf(entity), query),
});

function recordRow(entity: Entity, query: TrailQuery): Packed {
  const key = entity.rowKey ?? '';
  return {
    key,
    open() {
      const row = rowOf(entity);
      const { decision, outcome } = query;
      return [matches(row.document, { decision, outcome }) ? { key, row } : { key }];
    },
  };
}

function rowOf(entity: Entity): TrailRow {
  const labels: Partial<Record<keyof Labels, string>> = {};
  for (const name of labelNames) {
    const label = entity[name];
    if (typeof label === 'string') labels[name] = label;
  }
  const { document } = entity;
  const [kind = '', rest] = [entity.rowKey?.slice(0, 1), entity.rowKey?.slice(1) ?? ''];
  return {
    key: `${kind === 't' ? 's' : kind}${rest}`,
    document: typeof document === 'string' ? parseJson(document) : undefined,
    labels,
  };
}
