import type { AuditRecord } from '../audit/model/record.ts';
import { recordOf, type TrailQuery, type TrailStore } from '../audit/model/trailStore.ts';

const PAGE = 2_000;
/** The trail has no index for these searches: a search reads at most this many rows, or `limit` if that is more. */
const MAX_READ = 10_000;

/** Records of a time span, as far as they were read. */
export interface ReadRecords {
  /** Newest first. */
  readonly records: readonly AuditRecord[];
  /** How many rows were read to find these. */
  readonly read: number;
  /** The time at which reading stopped before the start of the span; undefined if all of it was read. */
  readonly cutAt?: string;
}

export interface Reading {
  /** The most records that are returned. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** All records of the span when absent. */
  readonly wanted?: (record: AuditRecord) => boolean;
}

/** Reads a span of a tenant's audit trail, newest first. Skips rows that hold no record. Throws if the store is down. */
export async function readRecords(
  trail: TrailStore,
  tenantId: string,
  query: TrailQuery,
  { limit, signal, wanted }: Reading,
): Promise<ReadRecords> {
  const records: AuditRecord[] = [];
  const mayRead = Math.max(MAX_READ, limit);
  const atOnce = wanted ? PAGE : Math.min(PAGE, limit);
  let read = 0;
  let last: AuditRecord | undefined;
  let after: string | undefined;
  const cut = (): ReadRecords => ({ records, read, ...(last && { cutAt: last.at }) });
  do {
    signal.throwIfAborted();
    const page = await trail.records(tenantId, query, atOnce, after);
    for (const row of page.rows) {
      if (records.length === limit) return cut();
      read += 1;
      const record = recordOf(row, tenantId);
      last = record ?? last;
      if (record && (wanted?.(record) ?? true)) records.push(record);
    }
    after = page.after;
  } while (after !== undefined && records.length < limit && read < mayRead);
  return after === undefined ? { records, read } : cut();
}
