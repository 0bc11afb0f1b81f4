import type { AuditRecord } from '../../audit/record.ts';
import { type TrailQuery, type TrailStore, recordOf } from '../../audit/trailStore.ts';

const PAGE = 500;

/** Records of a span, as far as they were read. */
export interface ReadRecords {
  /** Newest first. */
  readonly records: readonly AuditRecord[];
  /** The oldest moment that was read; undefined where the whole span was. */
  readonly cutAt?: string;
}

/** Reads a span of a tenant's trail, newest first, up to a number of records. What is no record any more is passed over. */
export async function readRecords(
  trail: TrailStore,
  tenantId: string,
  query: TrailQuery,
  limit: number,
  signal: AbortSignal,
): Promise<ReadRecords> {
  const records: AuditRecord[] = [];
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const page = await trail.records(tenantId, query, Math.min(PAGE, limit - records.length), after);
    records.push(...page.rows.map(recordOf).filter((record) => record !== undefined));
    after = page.after;
  } while (after !== undefined && records.length < limit);
  const oldest = records.at(-1);
  return { records, ...(after !== undefined && oldest && { cutAt: oldest.at }) };
}
