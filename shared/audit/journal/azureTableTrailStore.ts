import type { TableClient, TableEntityResult } from '@azure/data-tables';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { parseJson } from '../../platform/base/json.ts';
import { lazily } from '../../platform/base/lazily.ts';
import { isRestError, serviceCode } from '../../platform/tables/azureTable.ts';
import { sendBatch } from '../../platform/tables/azureTableBatch.ts';
import { type Act, TableRefusal } from '../../platform/tables/azureTableRows.ts';
import { odata } from '../../platform/tables/odata.ts';
import { openTableClient, type TablesConnection } from '../../platform/tables/openTables.ts';
import {
  keyRange,
  type Labels,
  recordKey,
  segmentKey,
  type TrailPage,
  type TrailRow,
  type TrailStore,
} from '../model/trailStore.ts';

const TABLE = 'audit';
const labelNames = ['actor', 'action', 'resource'] as const satisfies readonly (keyof Labels)[];

/** Partitions of a tenant, part of the stored format. One takes some 2,000 rows a second; each page is read from all of them. */
const SHARDS = 4;

/** Returns the partition of a row. A chain is in one partition, so that its records and segments change in one transaction. */
export function partitionOf(tenantId: string, key: string): string {
  const [, chain = ''] = /^(?:r\d{13}-|s)(\w+)-\d+$/.exec(key) ?? [];
  return `${tenantId}_${(chain.codePointAt(0) ?? 0) % SHARDS}`;
}

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

  const shard = (tenantId: string, number: number, filter: string, limit: number): Promise<TrailRow[]> =>
    run('page', async (table) => {
      const rows: TrailRow[] = [];
      const partition = odata`PartitionKey eq ${`${tenantId}_${number}`}`;
      const queryOptions = { filter: `${partition} and ${filter}` };
      for await (const found of table.listEntities({ queryOptions }).byPage({ maxPageSize: limit })) {
        rows.push(...found.map(rowOf));
        if (rows.length >= limit) break;
      }
      return rows;
    });

  /** Returns the first rows of all partitions together, in the order of their keys. */
  const page = async (tenantId: string, filter: string, limit: number): Promise<TrailPage> => {
    // One more row than requested shows whether a next page exists.
    const shards = Array.from({ length: SHARDS }, (_, number) => shard(tenantId, number, filter, limit + 1));
    const rows = (await Promise.all(shards)).flat().sort((a, b) => (a.key < b.key ? -1 : 1));
    const last = rows[limit - 1];
    return { rows: rows.slice(0, limit), ...(rows.length > limit && last && { after: last.key }) };
  };

  return {
    commit: (records, segments) =>
      run('commit', async (table) => {
        const [end] = segments;
        if (!end) throw new RangeError('a commit ends in a segment');
        const partition = partitionOf(end.tenantId, segmentKey(end));
        const answer = await sendBatch(table, [
          ...records.map((record): Act => {
            const { actor, action, resource } = record;
            const properties = { actor, action, resource, document: JSON.stringify(record) };
            return ['insert', { key: { partition, row: recordKey(record) }, properties }];
          }),
          ...segments.map((segment): Act => {
            const properties = { document: JSON.stringify(segment) };
            return ['put', { key: { partition, row: segmentKey(segment) }, properties }];
          }),
        ]);
        if (answer.code === 'EntityAlreadyExists') return 'exists';
        if (answer.status >= 300) throw new TableRefusal(answer);
        return 'stored';
      }),
    find: (tenantId, key) =>
      run('find', async (table) => {
        try {
          return rowOf(await table.getEntity(partitionOf(tenantId, key), key));
        } catch (error) {
          if (isRestError(error) && serviceCode(error) === 'ResourceNotFound') return undefined;
          throw error;
        }
      }),
    records: (tenantId, query, limit, after) => {
      const { above, below } = keyRange(query);
      const start = after !== undefined && after > above ? after : above;
      const terms = [
        odata`RowKey gt ${start} and RowKey lt ${below}`,
        query.actor !== undefined && odata`actor eq ${query.actor}`,
        query.action !== undefined && odata`action eq ${query.action}`,
        query.resource !== undefined && odata`resource eq ${query.resource}`,
      ];
      return page(tenantId, terms.filter((term) => term !== false).join(' and '), limit);
    },
    segments: (tenantId, limit, after = 's') =>
      page(tenantId, odata`RowKey gt ${after} and RowKey lt ${'t'}`, limit),
  };
}

function rowOf(entity: TableEntityResult<Record<string, unknown>>): TrailRow {
  const labels: Partial<Record<keyof Labels, string>> = {};
  for (const name of labelNames) {
    const label = entity[name];
    if (typeof label === 'string') labels[name] = label;
  }
  const { document } = entity;
  return {
    key: entity.rowKey ?? '',
    document: typeof document === 'string' ? parseJson(document) : undefined,
    labels,
  };
}
