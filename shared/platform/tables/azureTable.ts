import type { RestError, TableClient, TableEntityResult, TransactionAction } from '@azure/data-tables';
import { InfrastructureError } from '../base/errors.ts';
import { parseExactJson } from '../base/exactJson.ts';
import { odata } from './odata.ts';
import { join, split } from './tableDocument.ts';
import type { Columns, Mark, OnUnreadable, Page, RowKey, Stored, Table, TableCodec } from './tables.ts';

/** Sorts behind every character of the gateway's keys. */
export const LAST_CHARACTER = '\uffff';

/** The first character of the row key of a mark. It sorts behind the first characters of all other row keys. */
const MARK = '~';

/** Returns whether a row can have this key. Azure answers 400 to any other key, and the SDK cannot encode half a surrogate pair. */
const isLegal = ({ partition, row }: RowKey): boolean =>
  [partition, row].every((key) => key.length <= 512 && key.isWellFormed() && !/[/\\#?\p{Cc}]/u.test(key));

type Row = TableEntityResult<Record<string, unknown>>;

/** Returns a `Table` on Azure Tables. It opens with the first operation. */
export function azureTable<T>(
  name: string,
  codec: TableCodec<T>,
  client: () => Promise<TableClient>,
): Table<T> {
  /** Runs one operation. `outcomes` holds the answers for statuses that are no failures. */
  const run = async <A, O = never>(
    operation: string,
    act: (client: TableClient) => Promise<A>,
    outcomes: Record<number, O> = {},
  ): Promise<A | O> => {
    try {
      return await act(await client());
    } catch (error) {
      const status = rowStatus(error);
      if (status !== undefined && status in outcomes) return outcomes[status] as O;
      throw new InfrastructureError('tables', `${operation} ${name}`, error);
    }
  };
  const entity = (value: T) => {
    const { partition, row } = codec.key(value);
    return { partitionKey: partition, rowKey: row, ...codec.columns(value), ...split(JSON.stringify(value)) };
  };
  const stored = (found: Row): Stored<T> => ({
    value: codec.parse(parseExactJson(join(found))),
    etag: found.etag,
  });

  const readable = (found: Row, onUnreadable?: OnUnreadable) => {
    try {
      return stored(found);
    } catch (error) {
      if (!onUnreadable) throw error;
      onUnreadable({ partition: found.partitionKey ?? '', row: found.rowKey ?? '' }, error);
      return undefined;
    }
  };
  /** Returns the first rows that match. It asks for one row more, which shows whether there is a next page. */
  const first = async (operation: string, terms: readonly string[], limit: number): Promise<Page<T>> => {
    const values = codec.open ? [...terms, `RowKey lt '${MARK}'`] : terms;
    const filter = values.filter(Boolean).join(' and ');
    // No row holds half a surrogate pair, and the SDK cannot encode one.
    if (!filter.isWellFormed()) return { items: [] };
    const found = await run(operation, async (table) => {
      const rows: Row[] = [];
      const pages = table.listEntities({ queryOptions: { filter } }).byPage({ maxPageSize: limit + 1 });
      for await (const page of pages) {
        rows.push(...page);
        if (rows.length > limit) break;
      }
      return rows;
    });
    const items = found.slice(0, limit).map((row) => stored(row).value);
    const last = items.at(-1);
    return { items, ...(found.length > limit && last !== undefined && { after: codec.key(last).row }) };
  };

  return {
    get: async (key) => {
      if (!isLegal(key)) return undefined;
      const found = await run('get', (table) => table.getEntity(key.partition, key.row), { 404: undefined });
      return found && stored(found);
    },
    insert: async (value) => {
      const row = entity(value);
      const mark = codec.open?.(value);
      return run(
        'insert',
        async (table) => {
          if (!mark) await table.createEntity(row);
          else {
            const { partitionKey, rowKey } = row;
            await table.submitTransaction([
              ['create', row],
              ['upsert', { partitionKey, rowKey: MARK + rowKey, ...mark }, 'Replace'],
            ]);
          }
          return 'inserted' as const;
        },
        { 409: 'exists' as const },
      );
    },
    replace: async (value, etag) => {
      const row = entity(value);
      const closes = codec.open && !codec.open(value);
      return run(
        'replace',
        async (table) => {
          const written = closes
            ? await replaceAndUnmark(table, row, etag)
            : (await table.updateEntity(row, 'Replace', { etag })).etag;
          if (written === undefined) throw new Error('the answer has no ETag');
          return { status: 'replaced' as const, etag: written };
        },
        { 404: { status: 'missing' as const }, 412: { status: 'conflict' as const } },
      );
    },
    remove: async (key, etag) => {
      if (!isLegal(key)) return 'missing';
      return run(
        'remove',
        async (table) => (await table.deleteEntity(key.partition, key.row, { etag }), 'removed' as const),
        {
          404: 'missing' as const,
          412: 'conflict' as const,
        },
      );
    },
    commit: (changes) =>
      run(
        'commit',
        async (table) => {
          const actions = changes.map((change): TransactionAction =>
            'insert' in change
              ? ['create', entity(change.insert)]
              : ['update', entity(change.replace), 'Replace', { etag: change.etag }],
          );
          await table.submitTransaction(actions);
          return 'committed' as const;
        },
        { 404: 'conflict' as const, 409: 'conflict' as const, 412: 'conflict' as const },
      ),
    range: (partition, prefix, filter, limit, after) => {
      const start = after === undefined ? odata`RowKey ge ${prefix}` : odata`RowKey gt ${after}`;
      const end = odata`RowKey lt ${prefix + LAST_CHARACTER}`;
      return first('range', [odata`PartitionKey eq ${partition}`, start, end, filter], limit);
    },
    page: (partition, limit, after = '') =>
      first('page', [odata`PartitionKey eq ${partition} and RowKey gt ${after}`], limit),
    search: (prefix, filter, limit, after) => {
      const range = odata`PartitionKey ge ${prefix} and PartitionKey lt ${prefix + LAST_CHARACTER}`;
      const rest = after
        ? odata`(PartitionKey gt ${after.partition} or (PartitionKey eq ${after.partition} and RowKey gt ${after.row}))`
        : '';
      return first('search', [range, rest, filter], limit);
    },
    scan: async function* (filter, onUnreadable) {
      const pages = (await client()).listEntities({ queryOptions: { filter } }).byPage();
      for (;;) {
        const page = await run('scan', () => pages.next());
        if (page.done) return;
        for (const found of page.value) {
          const row = readable(found, onUnreadable);
          if (row) yield row;
        }
      }
    },
    marks: (partition) =>
      run('marks', async (table) => {
        const marks: Mark[] = [];
        const filter = odata`PartitionKey eq ${partition} and RowKey ge ${MARK}`;
        for await (const found of table.listEntities({ queryOptions: { filter } })) {
          const { partitionKey: _, rowKey = '', etag: _etag, timestamp: _timestamp, ...columns } = found;
          marks.push({ key: { partition, row: rowKey.slice(MARK.length) }, columns: columns as Columns });
        }
        return marks;
      }),
  };
}

/** Replaces the row and removes its mark, both or none. Returns the new ETag. */
async function replaceAndUnmark(
  table: TableClient,
  row: { readonly partitionKey: string; readonly rowKey: string },
  etag: string,
): Promise<string | undefined> {
  const answer = await table.submitTransaction([
    ['update', row, 'Replace', { etag }],
    ['delete', { partitionKey: row.partitionKey, rowKey: MARK + row.rowKey }],
  ]);
  return answer.subResponses[0]?.etag;
}

/**
 * Returns the status where the Table service reports a failure of a row. A missing table, or a 404 of another service, is not
 * one.
 */
function rowStatus(error: unknown): number | undefined {
  if (!isRestError(error)) return undefined;
  // The SDK puts the code of a transaction and of a single operation into different fields.
  const code = serviceCode(error) ?? error.code;
  return code === undefined || code.startsWith('Table') ? undefined : error.statusCode;
}

/** Returns whether an error is an answer of the service, or of the way to it. It does not load the SDK, as its class would. */
export const isRestError = (error: unknown): error is RestError =>
  error instanceof Error && error.name === 'RestError';

/** Returns the error code of the Table service for a single operation, or `undefined` where another service answered. */
export const serviceCode = ({ details }: RestError): string | undefined =>
  (details as { odataError?: { code?: string } } | undefined)?.odataError?.code;
