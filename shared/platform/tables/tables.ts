/** The keys of a row. Keys that the gateway makes are free of `/ \ # ?` and control characters. */
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
  /** The last row of the page, where there are more. */
  readonly after?: string;
}

/**
 * Maps the values of one table to rows. A row holds the whole value as JSON, in as many properties as its length needs, and columns
 * for filters. `parse` validates a stored value, because an older version may have written it.
 */
export interface TableCodec<T> {
  key(value: T): RowKey;
  columns(value: T): Columns;
  parse(document: unknown): T;
  /**
   * For values that are open at first: returns the columns of a mark, or `undefined` for a closed value. A mark is a small row
   * beside an open value. It exists until a closed value replaces the open one. Marks keep the columns that they were inserted
   * with. A closed value never opens again.
   */
  open?(value: T): Columns | undefined;
}
export type Columns = Readonly<Record<string, string | boolean | Date>>;

/**
 * The operations of stores on one Azure table. 404, 409 and 412 of a row are outcomes; every other failure is thrown as
 * InfrastructureError. A value that is too long for a row is a RangeError, and nothing is sent.
 */
export interface Table<T> {
  get(key: RowKey): Promise<Stored<T> | undefined>;
  insert(value: T): Promise<'inserted' | 'exists'>;
  /** Replaces the row only if it still has this ETag. */
  replace(value: T, etag: string): Promise<Replacement>;
  remove(key: RowKey, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Changes at most `MAX_CHANGES` rows of one partition, all or none: none where a row is not as expected. For values without marks. */
  commit(changes: readonly Change<T>[]): Promise<'committed' | 'conflict'>;
  /** Returns rows of one partition in the order of their row keys. Rows that are inserted meanwhile do not disturb the paging. */
  page(partition: string, limit: number, after?: string): Promise<Page<T>>;
  /** Does the same for rows whose keys begin with `prefix` and that match an OData filter over the columns (`''` for all). */
  range(partition: string, prefix: string, filter: string, limit: number, after?: string): Promise<Page<T>>;
  /**
   * Returns rows of all partitions whose names begin with `prefix`, that match an OData filter over the columns (`''` for all),
   * in the order of their keys. It also reads rows that do not match: the filter should match most rows, or the partitions
   * should be small.
   */
  search(prefix: string, filter: string, limit: number, after?: RowKey): Promise<Page<T>>;
  /**
   * Yields rows of all partitions that match an OData filter over the columns. It reads the whole table, so it is for sweeps. A
   * row that `parse` rejects is passed to `onUnreadable` and skipped, so that it does not stop a sweep. Without `onUnreadable`
   * it is thrown.
   */
  scan(filter: string, onUnreadable?: OnUnreadable): AsyncIterable<Stored<T>>;
  /** Returns the marks of all open values of one partition. It reads no other rows. A codec without `open` has no marks. */
  marks(partition: string): Promise<readonly Mark[]>;
}

export type Replacement =
  { readonly status: 'replaced'; readonly etag: string } | { readonly status: 'conflict' | 'missing' };

/** The key of an open value, and the columns that its mark was inserted with. */
export interface Mark {
  readonly key: RowKey;
  readonly columns: Columns;
}

/** `ANY_ETAG` replaces or removes a row without a condition. */
export type Change<T> =
  | { readonly insert: T }
  | { readonly replace: T; readonly etag: string }
  | { readonly remove: RowKey; readonly etag: string };
export const ANY_ETAG = '*';
export const MAX_CHANGES = 100;

export type OnUnreadable = (key: RowKey, error: unknown) => void;

export type OpenTable = <T>(name: string, codec: TableCodec<T>) => Table<T>;
