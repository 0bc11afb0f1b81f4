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
  columns(value: T): Columns;
  parse(document: unknown): T;
  /**
   * For values that somebody has yet to finish: the columns of a mark, a small row that is beside such a value until it is
   * replaced by one that is not open. Marks keep the columns that they were inserted with. What is not open never opens again.
   */
  open?(value: T): Columns | undefined;
}
export type Columns = Readonly<Record<string, string | boolean | Date>>;

/**
 * What a store needs of one Azure table. 404, 409 and 412 of a row are outcomes; all else is thrown as InfrastructureError.
 * A value too long for a row is a RangeError, before anything is sent.
 */
export interface Table<T> {
  get(key: RowKey): Promise<Stored<T> | undefined>;
  insert(value: T): Promise<'inserted' | 'exists'>;
  /** Replaces the row only if it still has this ETag. */
  replace(value: T, etag: string): Promise<Replacement>;
  remove(key: RowKey, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Changes of at most 100 rows of one partition: all are made or, where a row is not as expected, none. Of values without marks. */
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
  /** The marks of all open values of one partition, and nothing else is read. None where the codec has no `open`. */
  marks(partition: string): Promise<readonly Mark[]>;
}

export type Replacement =
  { readonly status: 'replaced'; readonly etag: string } | { readonly status: 'conflict' | 'missing' };

/** That the value of this key is open, and the columns that its mark was inserted with. */
export interface Mark {
  readonly key: RowKey;
  readonly columns: Columns;
}

/** `ANY_ETAG` replaces a row whatever it has become. */
export type Change<T> = { readonly insert: T } | { readonly replace: T; readonly etag: string };
export const ANY_ETAG = '*';

export type OnUnreadable = (key: RowKey, error: unknown) => void;

export type OpenTable = <T>(name: string, codec: TableCodec<T>) => Table<T>;
