import {
  RestError,
  TableClient,
  type TableEntityResult,
  type TableServiceClientOptions,
  type TransactionAction,
  odata,
} from '@azure/data-tables';
import { InfrastructureError } from './errors.ts';

/** Where a row is. Keys that we make are free of `/ \ # ?` and control characters. */
export interface RowKey {
  readonly partition: string;
  readonly row: string;
}
export interface Stored<T> {
  readonly value: T;
  readonly etag: string;
}
export interface Page<T> {
  readonly items: readonly T[];
  /** The row to go on after; absent at the end. */
  readonly after?: string;
}

/**
 * How values of one table are kept: the whole value as JSON in as many properties as its length needs, beside
 * columns that filters read. `parse` judges what comes back, since an older version may have written it.
 */
export interface TableCodec<T> {
  key(value: T): RowKey;
  columns(value: T): Readonly<Record<string, string | boolean | Date>>;
  parse(document: unknown): T;
}

/** Names of the document's parts; a property holds at most 64 KiB, which is 32,768 UTF-16 code units. */
const partName = (index: number): string => `document${String(index)}`;
const PART_LENGTH = 32_000;
/** A row holds at most 1 MiB; this leaves 88 KiB of it to keys and columns. */
const MAX_DOCUMENT_LENGTH = 15 * PART_LENGTH;

/** Sorts behind every character that our keys hold. */
const LAST_CHARACTER = '\uffff';

/** No row has such a key; Azure answers 400 to a question for one. */
const isIllegalKey = (key: string): boolean => key.length > 512 || /[/\\#?\p{Cc}]/u.test(key);

/**
 * What a store needs of one Azure table. 404, 409 and 412 of a row are outcomes; all else is thrown as InfrastructureError.
 * A value too long for a row is a RangeError, before anything is sent.
 */
export interface Table<T> {
  get(key: RowKey): Promise<Stored<T> | undefined>;
  insert(value: T): Promise<'inserted' | 'exists'>;
  /** Replaces the row only if it still has this ETag. */
  replace(value: T, etag: string): Promise<'replaced' | 'conflict' | 'missing'>;
  remove(key: RowKey, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Changes of at most 100 rows of one partition: all are made or, where a row is not as expected, none. */
  commit(changes: readonly Change<T>[]): Promise<'committed' | 'conflict'>;
  /** Rows of one partition in the order of their row keys, which a row inserted meanwhile does not disturb. */
  page(partition: string, limit: number, after?: string): Promise<Page<T>>;
  /** As `page`, of the rows whose keys begin with `prefix` and that match an OData filter over the columns (`''` for all). */
  range(partition: string, prefix: string, filter: string, limit: number, after?: string): Promise<Page<T>>;
  /**
   * Rows of all partitions whose names begin with `prefix`, that match an OData filter over the columns (`''` for all), in the
   * order of their keys. It reads what it passes over: the filter should match much, or the partitions be small.
   */
  search(prefix: string, filter: string, limit: number, after?: RowKey): Promise<Page<T>>;
  /**
   * Rows of all partitions that match an OData filter over the columns. For sweeps: it reads the whole table. A row that
   * `parse` refuses is thrown, or told to `onUnreadable` and passed over, so that it does not stop the sweep of all others.
   */
  scan(filter: string, onUnreadable?: OnUnreadable): AsyncIterable<Stored<T>>;
}

/** `ANY_ETAG` replaces a row whatever it has become. */
export type Change<T> = { readonly insert: T } | { readonly replace: T; readonly etag: string };
export const ANY_ETAG = '*';

export type OnUnreadable = (key: RowKey, error: unknown) => void;

export type OpenTable = <T>(name: string, codec: TableCodec<T>) => Table<T>;

/** Opens tables of one account. `connection` is a connection string, or an https endpoint for the app's identity. */
export function openTables(connection: string): OpenTable {
  return (name, codec) => {
    let opened: Promise<TableClient> | undefined;
    return azureTable(name, codec, () => (opened ??= openTableClient(connection, name)));
  };
}

/** The client that stores stand on: for what `Table` does not offer. */
export async function openTableClient(connection: string, name: string): Promise<TableClient> {
  if (!connection.startsWith('https://')) {
    return TableClient.fromConnectionString(connection, name, {
      ...clientOptions,
      allowInsecureConnection: /Protocol=http(;|$)|UseDevelopmentStorage=true/i.test(connection),
    });
  }
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new TableClient(connection, name, new DefaultAzureCredential(), clientOptions);
}

const clientOptions: TableServiceClientOptions = {
  // A caller waits: the SDK by itself tries for many seconds, and for ever where a connection stays silent.
  retryOptions: { maxRetries: 2, retryDelayInMs: 250, maxRetryDelayInMs: 2_000 },
  additionalPolicies: [
    {
      position: 'perCall',
      policy: {
        name: 'patienceAndPlainAscii',
        sendRequest: (request, next) => {
          request.timeout = 10_000;
          // Azurite tears characters of several bytes where its reads of a long body end.
          if (typeof request.body === 'string')
            request.body = request.body.replace(/[^\0-\x7f]/g, escapeUnit);
          return next(request);
        },
      },
    },
  ],
};
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

function azureTable<T>(name: string, codec: TableCodec<T>, client: () => Promise<TableClient>): Table<T> {
  /** Runs one operation; `outcomes` says which statuses are answers rather than faults. */
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
    const document = JSON.stringify(value);
    if (document.length > MAX_DOCUMENT_LENGTH)
      throw new RangeError(`a value for a row of ${name} is too long`);
    return { partitionKey: partition, rowKey: row, ...codec.columns(value), ...split(document) };
  };
  const stored = (found: TableEntityResult<Record<string, unknown>>): Stored<T> => ({
    value: codec.parse(JSON.parse(join(found))),
    etag: found.etag,
  });

  const readable = (found: TableEntityResult<Record<string, unknown>>, onUnreadable?: OnUnreadable) => {
    try {
      return stored(found);
    } catch (error) {
      if (!onUnreadable) throw error;
      onUnreadable({ partition: found.partitionKey ?? '', row: found.rowKey ?? '' }, error);
      return undefined;
    }
  };
  /** The first rows that match. One row more than asked for tells whether there is a next page. */
  const first = async (operation: string, filter: string, limit: number): Promise<Page<T>> => {
    const found = await run(operation, async (table) => {
      const rows: TableEntityResult<Record<string, unknown>>[] = [];
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
      if (isIllegalKey(key.row)) return undefined;
      const found = await run('get', (table) => table.getEntity(key.partition, key.row), { 404: undefined });
      return found && stored(found);
    },
    insert: async (value) => {
      const row = entity(value);
      return run('insert', async (table) => (await table.createEntity(row), 'inserted' as const), {
        409: 'exists' as const,
      });
    },
    replace: async (value, etag) => {
      const row = entity(value);
      return run(
        'replace',
        async (table) => (await table.updateEntity(row, 'Replace', { etag }), 'replaced' as const),
        { 404: 'missing' as const, 412: 'conflict' as const },
      );
    },
    remove: (key, etag) =>
      run(
        'remove',
        async (table) => (await table.deleteEntity(key.partition, key.row, { etag }), 'removed' as const),
        {
          404: 'missing' as const,
          412: 'conflict' as const,
        },
      ),
    commit: (changes) =>
      run('commit', async (table) => {
        try {
          await table.submitTransaction(
            changes.map((change): TransactionAction =>
              'insert' in change
                ? ['create', entity(change.insert)]
                : ['update', entity(change.replace), 'Replace', { etag: change.etag }],
            ),
          );
          return 'committed' as const;
        } catch (error) {
          if (error instanceof RestError && conflictCodes.has(error.code ?? '')) return 'conflict' as const;
          throw error;
        }
      }),
    range: (partition, prefix, filter, limit, after) => {
      const start = after === undefined ? odata`RowKey ge ${prefix}` : odata`RowKey gt ${after}`;
      const terms = [
        odata`PartitionKey eq ${partition}`,
        start,
        odata`RowKey lt ${prefix + LAST_CHARACTER}`,
        filter,
      ];
      return first('range', terms.filter(Boolean).join(' and '), limit);
    },
    page: (partition, limit, after = '') =>
      first('page', odata`PartitionKey eq ${partition} and RowKey gt ${after}`, limit),
    search: (prefix, filter, limit, after) => {
      const range = odata`PartitionKey ge ${prefix} and PartitionKey lt ${prefix + LAST_CHARACTER}`;
      const rest =
        after &&
        odata`(PartitionKey gt ${after.partition} or (PartitionKey eq ${after.partition} and RowKey gt ${after.row}))`;
      return first('search', [range, rest, filter].filter(Boolean).join(' and '), limit);
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
  };
}

/** What a transaction says when a row is there already, has changed, or is gone. */
const conflictCodes = new Set(['EntityAlreadyExists', 'UpdateConditionNotSatisfied', 'ResourceNotFound']);

/** The status of a fault that the table service itself reports of a row: a missing table, or a stranger's 404, is no answer. */
function rowStatus(error: unknown): number | undefined {
  if (!(error instanceof RestError)) return undefined;
  const code = (error.details as { odataError?: { code?: string } } | undefined)?.odataError?.code;
  return code === undefined || code.startsWith('Table') ? undefined : error.statusCode;
}

function split(document: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (let index = 0, start = 0; start < document.length; index++) {
    // A character of two code units must not be torn: half of one does not survive UTF-8.
    const torn = /[\uD800-\uDBFF]/.test(document.charAt(start + PART_LENGTH - 1));
    const end = start + PART_LENGTH - (torn ? 1 : 0);
    parts[partName(index)] = document.slice(start, end);
    start = end;
  }
  return parts;
}

function join(entity: Readonly<Record<string, unknown>>): string {
  let document = '';
  for (let index = 0; typeof entity[partName(index)] === 'string'; index++)
    document += entity[partName(index)] as string;
  return document;
}
