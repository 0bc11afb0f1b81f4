import { type AuditRecord, recordSchema, type Segment, segmentSchema } from './record.ts';

/** Columns that queries filter by. */
export type Labels = Pick<AuditRecord, 'actor' | 'action' | 'resource'>;

/** A stored row. Someone may have changed it, so nothing about it is certain. */
export interface TrailRow {
  readonly key: string;
  /** `undefined` if it is no JSON. */
  readonly document: unknown;
  readonly labels: Partial<Labels>;
}

export interface TrailQuery {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly resource?: string | undefined;
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
   * Adds records and replaces segments of one tenant in one transaction of at most `MAX_COMMIT` rows. `exists`: a record with
   * such a key exists, and nothing was changed.
   */
  commit(records: readonly AuditRecord[], segments: readonly Segment[]): Promise<'stored' | 'exists'>;
  find(tenantId: string, key: string): Promise<TrailRow | undefined>;
  /** Returns rows of records, newest first. */
  records(tenantId: string, query: TrailQuery, limit: number, after?: string): Promise<TrailPage>;
  /** Returns rows of segments, chain by chain, in order. */
  segments(tenantId: string, limit: number, after?: string): Promise<TrailPage>;
}

const END_OF_TIME_MS = 9_999_999_999_999;
const LAST_SEQ = 9_999_999_999;
const timePrefix = (ms: number): string => {
  const left = END_OF_TIME_MS - Math.min(Math.max(ms, 0), END_OF_TIME_MS);
  return `r${String(left).padStart(13, '0')}`;
};

/** Returns the key of a record. In the order of keys, newer records come first. */
export function recordKey({ at, chain, seq }: Pick<AuditRecord, 'at' | 'chain' | 'seq'>): string {
  return `${timePrefix(Date.parse(at))}-${chain}-${String(LAST_SEQ - seq).padStart(10, '0')}`;
}

export function segmentKey({ chain, number }: Pick<Segment, 'chain' | 'number'>): string {
  return `s${chain}-${String(number).padStart(8, '0')}`;
}

/** Returns two keys between which all records of a span of time lie, both excluded. */
export function keyRange({ from, to }: TrailQuery): { readonly above: string; readonly below: string } {
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

/** Returns the record of a row, or `undefined` if the row holds none. It does not check the hash. */
export const recordOf = (row: TrailRow): AuditRecord | undefined => recordSchema.safeParse(row.document).data;
export const segmentOf = (row: TrailRow): Segment | undefined => segmentSchema.safeParse(row.document).data;
