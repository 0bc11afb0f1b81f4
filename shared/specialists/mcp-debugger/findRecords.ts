import type { AuditRecord } from '../../audit/record.ts';
import { type TrailQuery, type TrailStore, recordOf } from '../../audit/trailStore.ts';

const PAGE = 500;
/** The trail is not indexed by what is looked for here, so a search reads what it passes over. */
const MAX_READ = 10_000;

export interface FoundRecords {
  /** Newest first. */
  readonly records: readonly AuditRecord[];
  /** How many were read to find these. */
  readonly read: number;
  /** The search ended here, before the beginning of the span; undefined where all of it was read. */
  readonly cutAt?: string;
}

/** The records of a span that are wanted, newest first, up to `limit`. Reads at most 10,000. An outage is thrown. */
export async function findRecords(
  trail: TrailStore,
  tenantId: string,
  query: TrailQuery,
  wanted: (record: AuditRecord) => boolean,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<FoundRecords> {
  const records: AuditRecord[] = [];
  let read = 0;
  let after: string | undefined;
  let last: AuditRecord | undefined;
  do {
    signal.throwIfAborted();
    const page = await trail.records(tenantId, query, PAGE, after);
    read += page.rows.length;
    for (const row of page.rows) {
      const record = recordOf(row);
      last = record ?? last;
      if (record && wanted(record)) records.push(record);
    }
    after = page.after;
  } while (after !== undefined && read < MAX_READ && records.length < limit);
  return {
    records: records.slice(0, limit),
    read,
    ...(after !== undefined && last && { cutAt: last.at }),
  };
}
