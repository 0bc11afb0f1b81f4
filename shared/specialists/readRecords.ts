import type { AuditRecord } from '../audit/model/record.ts';
import { type TrailQuery, type TrailStore, recordOf } from '../audit/model/trailStore.ts';

const PAGE = 500;
/** The trail is not indexed by what is looked for here: a search passes over so many rows, or as many as may be wanted. */
const MAX_READ = 10_000;

/** Records of a span, as far as they were read. */
export interface ReadRecords {
  /** Newest first. */
  readonly records: readonly AuditRecord[];
  /** How many rows were read to find these. */
  readonly read: number;
  /** Where reading ended before the beginning of the span; undefined where all of it was read. */
  readonly cutAt?: string;
}

export interface Reading {
  /** How many records are given at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** All of the span when absent. */
  readonly wanted?: (record: AuditRecord) => boolean;
}

/** Reads a span of a tenant's trail, newest first. What is no record any more is passed over. An outage is thrown. */
export async function readRecords(
  trail: TrailStore,
  tenantId: string,
  query: TrailQuery,
  { limit, signal, wanted = () => true }: Reading,
): Promise<ReadRecords> {
  const records: AuditRecord[] = [];
  const mayRead = Math.max(MAX_READ, limit);
  let read = 0;
  let last: AuditRecord | undefined;
  let after: string | undefined;
  const cut = (): ReadRecords => ({ records, read, ...(last && { cutAt: last.at }) });
  do {
    signal.throwIfAborted();
    const page = await trail.records(tenantId, query, Math.min(PAGE, limit), after);
    for (const row of page.rows) {
      if (records.length === limit) return cut();
      read += 1;
      const record = recordOf(row);
      last = record ?? last;
      if (record && wanted(record)) records.push(record);
    }
    after = page.after;
  } while (after !== undefined && records.length < limit && read < mayRead);
  return after === undefined ? { records, read } : cut();
}
