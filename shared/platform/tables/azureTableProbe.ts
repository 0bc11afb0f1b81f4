import type { RestError, TableClient } from '@azure/data-tables';
import { InfrastructureError } from '../base/errors.ts';
import { lazily } from '../base/lazily.ts';
import { LAST_CHARACTER } from './azureTable.ts';
import { odata } from './odata.ts';
import { openTableClient, type TablesConnection } from './openTables.ts';
import type { RowKey } from './tables.ts';

/**
 * Single operations on one table, to measure it. Each rejects with InfrastructureError, also when its signal is aborted. The
 * probe writes rows of its own only, in a partition that no store reads.
 */
export interface TableProbe {
  /** Returns the names of partitions that begin with `prefix`, in order. It sends one request for each. */
  partitions(prefix: string, limit: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Reads the first rows of a partition whole. */
  page(partition: string, limit: number, signal: AbortSignal): Promise<ProbedPage>;
  /** Reads a row, or finds that it does not exist. */
  read(key: RowKey, signal: AbortSignal): Promise<void>;
  /** Returns the number of rows of a partition, at most `limit`. It reads their keys only. */
  count(partition: string, limit: number, signal: AbortSignal): Promise<number>;
  /** Writes a row of the probe. */
  write(at: Date, id: string, signal: AbortSignal): Promise<RowKey>;
  /** Removes a row of the probe. A missing row is no failure. */
  remove(key: RowKey, signal: AbortSignal): Promise<void>;
  /** Removes rows of probes that died, and returns their number: at most 100. */
  clear(writtenBefore: Date, signal: AbortSignal): Promise<number>;
}

export interface ProbedPage {
  readonly rows: number;
  /** The length of the rows as JSON, which is near their size. */
  readonly bytes: number;
  readonly first?: RowKey;
}

const OWN_PARTITION = 'probe';
/** About as large as a small value of the state store. */
const OWN_CONTENT = 'x'.repeat(200);
const LEFT_BEHIND = 100;
const LARGEST_PAGE = 1_000;

/** Row keys of the probe sort by the time of the write. */
const ownRow = (at: Date, id: string): string => `${at.toISOString()}_${id}`;

/** Opens the probe of a table. */
export type OpenTableProbe = (name: string) => TableProbe;

export function azureTableProbe(connection: TablesConnection, name: string): TableProbe {
  const opened = lazily(() => openTableClient(connection, name));
  const run = async <A>(operation: string, act: (table: TableClient) => Promise<A>): Promise<A> => {
    try {
      return await act(await opened());
    } catch (error) {
      const code = isRestError(error) ? serviceCode(error) : undefined;
      if (isRestError(error) && code !== undefined) error.code ??= code;
      throw new InfrastructureError('tables', `${operation} ${name}`, error);
    }
  };
  const firstPage = async (
    table: TableClient,
    queryOptions: { filter: string; select?: string[] },
    limit: number,
    abortSignal: AbortSignal,
  ) => {
    for await (const page of table.listEntities({ queryOptions, abortSignal }).byPage({ maxPageSize: limit }))
      if (page.length > 0) return page;
    return [];
  };
  const remove: TableProbe['remove'] = ({ partition, row }, abortSignal) =>
    run('remove', (table) => absentAllowed(table.deleteEntity(partition, row, { abortSignal })));

  return {
    partitions: (prefix, limit, signal) =>
      run('partitions', async (table) => {
        const found: string[] = [];
        const end = odata`PartitionKey lt ${prefix + LAST_CHARACTER}`;
        while (found.length < limit) {
          const last = found.at(-1);
          const start =
            last === undefined ? odata`PartitionKey ge ${prefix}` : odata`PartitionKey gt ${last}`;
          const filter = `${start} and ${end}`;
          const [next] = await firstPage(table, { filter, select: ['PartitionKey'] }, 1, signal);
          if (next?.partitionKey === undefined) break;
          found.push(next.partitionKey);
        }
        return found;
      }),
    page: (partition, limit, signal) =>
      run('page', async (table) => {
        const rows = await firstPage(table, { filter: odata`PartitionKey eq ${partition}` }, limit, signal);
        const row = rows[0]?.rowKey;
        return {
          rows: rows.length,
          bytes: JSON.stringify(rows).length,
          ...(row !== undefined && { first: { partition, row } }),
        };
      }),
    read: ({ partition, row }, abortSignal) =>
      run('read', (table) => absentAllowed(table.getEntity(partition, row, { abortSignal }))),
    count: (partition, limit, abortSignal) =>
      run('count', async (table) => {
        const queryOptions = { filter: odata`PartitionKey eq ${partition}`, select: ['RowKey'] };
        const pages = table.listEntities({ queryOptions, abortSignal });
        let rows = 0;
        for await (const page of pages.byPage({ maxPageSize: Math.min(limit, LARGEST_PAGE) })) {
          rows += page.length;
          if (rows >= limit) break;
        }
        return Math.min(rows, limit);
      }),
    write: (at, id, abortSignal) =>
      run('write', async (table) => {
        const key = { partition: OWN_PARTITION, row: ownRow(at, id) };
        const row = { partitionKey: key.partition, rowKey: key.row, content: OWN_CONTENT };
        await table.upsertEntity(row, 'Replace', { abortSignal });
        return key;
      }),
    remove,
    clear: (writtenBefore, signal) =>
      run('clear', async (table) => {
        const filter = odata`PartitionKey eq ${OWN_PARTITION} and RowKey lt ${ownRow(writtenBefore, '')}`;
        const left = await firstPage(
          table,
          { filter, select: ['PartitionKey', 'RowKey'] },
          LEFT_BEHIND,
          signal,
        );
        for (const { rowKey: row = '' } of left) await remove({ partition: OWN_PARTITION, row }, signal);
        return left.length;
      }),
  };
}

/** A missing row is an answer. A missing table is a failure. */
async function absentAllowed(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!isRestError(error) || serviceCode(error) !== 'ResourceNotFound') throw error;
  }
}

/** Returns whether an error is an answer of the service, or of the way to it. It does not load the SDK, as its class would. */
const isRestError = (error: unknown): error is RestError =>
  error instanceof Error && error.name === 'RestError';

/** Returns the error code of the Table service for a single operation, or `undefined` where another service answered. */
const serviceCode = ({ details }: RestError): string | undefined =>
  (details as { odataError?: { code?: string } } | undefined)?.odataError?.code;
