import { RestError, TableClient, odata, type TableEntityResult } from '@azure/data-tables';
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
const partLength = 32_000;

/** No row has a key with one of these; Azure answers 400 to a question for one. */
const illegalInKey = /[/\\#?\p{Cc}]|^.{513}/su;

/** What a store needs of one Azure table. 404, 409 and 412 are outcomes; all else is thrown as InfrastructureError. */
export interface Table<T> {
  get(key: RowKey): Promise<Stored<T> | undefined>;
  insert(value: T): Promise<'inserted' | 'exists'>;
  /** Replaces the row only if it still has this ETag. */
  replace(value: T, etag: string): Promise<'replaced' | 'conflict' | 'missing'>;
  remove(key: RowKey, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Rows of one partition in the order of their row keys, which a row inserted meanwhile does not disturb. */
  page(partition: string, limit: number, after?: string): Promise<Page<T>>;
  /** Rows of all partitions that match an OData filter over the columns. For sweeps: it reads the whole table. */
  scan(filter: string): AsyncIterable<Stored<T>>;
}

export type OpenTable = <T>(name: string, codec: TableCodec<T>) => Table<T>;

/** Opens tables of one account. `connection` is a connection string, or an https endpoint for the app's identity. */
export function openTables(connection: string): OpenTable {
  return (name, codec) => {
    let opened: Promise<TableClient> | undefined;
    return azureTable(name, codec, () => (opened ??= openClient(connection, name)));
  };
}

async function openClient(connection: string, name: string): Promise<TableClient> {
  if (!connection.startsWith('https://')) {
    return TableClient.fromConnectionString(connection, name, {
      allowInsecureConnection: /Protocol=http(;|$)|UseDevelopmentStorage=true/i.test(connection),
    });
  }
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new TableClient(connection, name, new DefaultAzureCredential());
}

function azureTable<T>(name: string, codec: TableCodec<T>, client: () => Promise<TableClient>): Table<T> {
  /** Runs one operation; `outcomes` says which statuses are answers rather than faults. */
  const run = async <A, O>(
    operation: string,
    act: (client: TableClient) => Promise<A>,
    outcomes: Record<number, O>,
  ): Promise<A | O> => {
    try {
      return await act(await client());
    } catch (error) {
      const status = error instanceof RestError ? error.statusCode : undefined;
      const code =
        error instanceof RestError
          ? (error.details as { odataError?: { code?: string } } | undefined)?.odataError?.code
          : undefined;
      if (status !== undefined && status in outcomes && code !== 'TableNotFound')
        return outcomes[status] as O;
      throw new InfrastructureError('tables', `${operation} ${name}`, error);
    }
  };
  const entity = (value: T) => {
    const { partition, row } = codec.key(value);
    return { partitionKey: partition, rowKey: row, ...codec.columns(value), ...split(JSON.stringify(value)) };
  };
  const stored = (found: TableEntityResult<Record<string, unknown>>): Stored<T> => ({
    value: codec.parse(JSON.parse(join(found))),
    etag: found.etag,
  });

  return {
    get: async (key) => {
      if (illegalInKey.test(key.row)) return undefined;
      return run('get', async (table) => stored(await table.getEntity(key.partition, key.row)), {
        404: undefined,
      });
    },
    insert: (value) =>
      run('insert', async (table) => (await table.createEntity(entity(value)), 'inserted' as const), {
        409: 'exists' as const,
      }),
    replace: (value, etag) =>
      run(
        'replace',
        async (table) => (await table.updateEntity(entity(value), 'Replace', { etag }), 'replaced' as const),
        {
          404: 'missing' as const,
          412: 'conflict' as const,
        },
      ),
    remove: (key, etag) =>
      run(
        'remove',
        async (table) => (await table.deleteEntity(key.partition, key.row, { etag }), 'removed' as const),
        {
          404: 'missing' as const,
          412: 'conflict' as const,
        },
      ),
    page: (partition, limit, after = '') =>
      run(
        'page',
        async (table) => {
          const filter = odata`PartitionKey eq ${partition} and RowKey gt ${after}`;
          // One row more than asked for tells whether there is a next page.
          const found: T[] = [];
          for await (const rows of table
            .listEntities({ queryOptions: { filter } })
            .byPage({ maxPageSize: limit + 1 })) {
            found.push(...rows.map((row) => stored(row).value));
            if (found.length > limit) break;
          }
          const items = found.slice(0, limit);
          const last = items.at(-1);
          return { items, ...(found.length > limit && last !== undefined && { after: codec.key(last).row }) };
        },
        {},
      ),
    scan: async function* (filter) {
      const table = await client();
      try {
        for await (const found of table.listEntities({ queryOptions: { filter } })) yield stored(found);
      } catch (error) {
        throw new InfrastructureError('tables', `scan ${name}`, error);
      }
    },
  };
}

function split(document: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (let index = 0; index * partLength < document.length; index++) {
    parts[partName(index)] = document.slice(index * partLength, (index + 1) * partLength);
  }
  return parts;
}

function join(entity: Readonly<Record<string, unknown>>): string {
  let document = '';
  for (let index = 0; typeof entity[partName(index)] === 'string'; index++)
    document += entity[partName(index)] as string;
  return document;
}
