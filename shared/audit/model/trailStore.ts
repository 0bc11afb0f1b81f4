import { MESSAGE_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import { type AuditRecord, recordSchema, type SealedRecord, type Segment, segmentSchema } from './record.ts';

/** Columns of a record that has a row of its own. */
export type Labels = Pick<AuditRecord, 'actor' | 'action' | 'resource'>;

/** A stored record or segment. Someone may have changed it, so nothing about it is certain. */
export interface TrailRow {
  readonly key: string;
  /** `undefined` if it is no JSON. */
  readonly document: unknown;
  /** Absent for a record in a block, which has no columns of its own. */
  readonly labels?: Partial<Labels>;
}

export const queryFields = ['actor', 'action', 'resource', 'decision', 'outcome'] as const;

export interface TrailQuery {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly resource?: string | undefined;
  readonly decision?: AuditRecord['decision'] | undefined;
  readonly outcome?: string | undefined;
  /** The first and the last time, both included. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export interface TrailPage {
  readonly rows: readonly TrailRow[];
  /** The key after which to continue; absent at the end. */
  readonly after?: string;
}

/** Stores the records and segments of all tenants. An outage is thrown as InfrastructureError, never read as "nothing there". */
export interface TrailStore {
  /**
   * Adds consecutive records of one chain as one block and replaces segments, in one transaction. `exists`: a block with such a key
   * exists, and nothing was changed.
   */
  commit(records: readonly SealedRecord[], segments: readonly Segment[]): Promise<'stored' | 'exists'>;
  find(tenantId: string, key: string): Promise<TrailRow | undefined>;
  /**
   * Returns rows of records, newest first. It bounds how much it examines: a page may be short or empty and still name where to
   * continue. It is longer than `limit` where rows have the same key.
   */
  records(tenantId: string, query: TrailQuery, limit: number, after?: string): Promise<TrailPage>;
  /** Returns rows of segments, chain by chain, in order. */
  segments(tenantId: string, limit: number, after?: string): Promise<TrailPage>;
}

/** Returns whether a document has the fields of a query. The time is that of the key. */
export const matches = (document: unknown, query: TrailQuery): boolean =>
  queryFields.every(
    (name) =>
      query[name] === undefined ||
      (typeof document === 'object' && document !== null && Reflect.get(document, name) === query[name]),
  );

const END_OF_TIME_MS = 9_999_999_999_999;
const LAST_SEQ = 9_999_999_999;
const timePrefix = (ms: number): string => {
  const left = END_OF_TIME_MS - Math.min(Math.max(ms, 0), END_OF_TIME_MS);
  return `r${String(left).padStart(13, '0')}`;
};

/** Returns a key that is before those of all records that are newer than the record of this key by at most a time in ms. */
export function keyBefore(key: string, ms: number): string {
  const left = Number(key.slice(1, 14));
  return left > ms ? timePrefix(END_OF_TIME_MS - left + ms) : 'r';
}

/** Returns the key of a record. In the order of keys, newer records come first. */
export function recordKey({ at, chain, seq }: Pick<AuditRecord, 'at' | 'chain' | 'seq'>): string {
  return `${timePrefix(Date.parse(at))}-${chain}-${String(LAST_SEQ - seq).padStart(10, '0')}`;
}

export function segmentKey({ chain, number }: Pick<Segment, 'chain' | 'number'>): string {
  return `s${chain}-${String(number).padStart(8, '0')}`;
}

/** Returns two keys between which all records of a span of time lie, both excluded. */
export function keyRange({ from, to }: Pick<TrailQuery, 'from' | 'to'>): {
  readonly above: string;
  readonly below: string;
} {
  return {
    above: to === undefined ? 'r' : timePrefix(to.getTime()),
    below: from === undefined ? 's' : timePrefix(from.getTime() - 1),
  };
}

/** The record that a key names. */
export interface Place {
  readonly at: string;
  readonly chain: string;
  readonly seq: number;
}
export function placeOf(key: string): Place | undefined {
  const [, time, chain, seq] = /^r(\d{13})-(\w+)-(\d{10})$/.exec(key) ?? [];
  if (time === undefined || chain === undefined) return undefined;
  return {
    at: new Date(END_OF_TIME_MS - Number(time)).toISOString(),
    chain,
    seq: LAST_SEQ - Number(seq),
  };
}

/**
 * Returns the record of a row, or `undefined` if the row holds none of this tenant: someone may have copied a row of another. It
 * does not check the hash. What is nested too deep for `JSON.stringify` is no record.
 */
export function recordOf({ document }: TrailRow, tenantId: string): AuditRecord | undefined {
  const record = isSafe(document) ? recordSchema.safeParse(document).data : undefined;
  return record?.tenantId === tenantId ? record : undefined;
}
export const segmentOf = ({ document }: TrailRow): Segment | undefined =>
  isSafe(document) ? segmentSchema.safeParse(document).data : undefined;
const isSafe = (document: unknown): boolean => unsafeShape(document, MESSAGE_BOUNDS) === undefined;
