import { RestError, type TableClient, type TableEntityResult, odata } from '@azure/data-tables';
import { InfrastructureError } from '../platform/errors.ts';
import { openTableClient } from '../platform/tables.ts';
import {
  type Labels,
  type TrailPage,
  type TrailRow,
  type TrailStore,
  keyRange,
  recordKey,
  segmentKey,
} from './trailStore.ts';

const TABLE = 'audit';
const labelNames = ['actor', 'action', 'resource'] as const satisfies readonly (keyof Labels)[];

/**
 * The trail on Azure Tables: a partition a tenant, so that records and the segment that ends in them change in one
 * transaction. A partition takes some 2,000 rows a second: that bounds the records of one tenant.
 */
export function azureTableTrailStore(connection: string): TrailStore {
  let opened: Promise<TableClient> | undefined;
  const run = async <A>(operation: string, act: (table: TableClient) => Promise<A>): Promise<A> => {
    try {
      return await act(await (opened ??= openTableClient(connection, TABLE)));
    } catch (error) {
      throw new InfrastructureError('tables', `${operation} ${TABLE}`, error);
    }
  };

  const page = (filter: string, limit: number): Promise<TrailPage> =>
    run('page', async (table) => {
      const rows: TrailRow[] = [];
      // One row more than asked for tells whether there is a next page.
      const pages = table.listEntities({ queryOptions: { filter } }).byPage({ maxPageSize: limit + 1 });
      for await (const found of pages) {
        rows.push(...found.map(rowOf));
        if (rows.length > limit) break;
      }
      const last = rows[limit - 1];
      return { rows: rows.slice(0, limit), ...(rows.length > limit && last && { after: last.key }) };
    });

  return {
    commit: (records, segments) =>
      run('commit', async (table) => {
        const partitionKey = segments[0]?.tenantId ?? '';
        try {
          await table.submitTransaction([
            ...records.map((record): ['create', Entity] => {
              const { actor, action, resource } = record;
              const document = JSON.stringify(record);
              return [
                'create',
                { partitionKey, rowKey: recordKey(record), actor, action, resource, document },
              ];
            }),
            ...segments.map((segment): ['upsert', Entity, 'Replace'] => [
              'upsert',
              { partitionKey, rowKey: segmentKey(segment), document: JSON.stringify(segment) },
              'Replace',
            ]),
          ]);
          return 'stored';
        } catch (error) {
          if (error instanceof RestError && error.code === 'EntityAlreadyExists') return 'exists';
          throw error;
        }
      }),
    find: (tenantId, key) =>
      run('find', async (table) => {
        try {
          return rowOf(await table.getEntity(tenantId, key));
        } catch (error) {
          if (error instanceof RestError && codeOf(error) === 'ResourceNotFound') return undefined;
          throw error;
        }
      }),
    records: (tenantId, query, limit, after) => {
      const { above, below } = keyRange(query);
      const start = after !== undefined && after > above ? after : above;
      const terms = [
        odata`PartitionKey eq ${tenantId} and RowKey gt ${start} and RowKey lt ${below}`,
        query.actor !== undefined && odata`actor eq ${query.actor}`,
        query.action !== undefined && odata`action eq ${query.action}`,
        query.resource !== undefined && odata`resource eq ${query.resource}`,
      ];
      return page(terms.filter((term) => term !== false).join(' and '), limit);
    },
    segments: (tenantId, limit, after = 's') =>
      page(odata`PartitionKey eq ${tenantId} and RowKey gt ${after} and RowKey lt ${'t'}`, limit),
  };
}

type Entity = { partitionKey: string; rowKey: string; document: string } & Partial<Labels>;

const codeOf = (error: RestError): string | undefined =>
  (error.details as { odataError?: { code?: string } } | undefined)?.odataError?.code;

function rowOf(entity: TableEntityResult<Record<string, unknown>>): TrailRow {
  const labels: Partial<Record<keyof Labels, string>> = {};
  for (const name of labelNames) {
    const label = entity[name];
    if (typeof label === 'string') labels[name] = label;
  }
  return { key: entity.rowKey ?? '', document: readJson(entity['document']), labels };
}

function readJson(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
