import type { Page } from '../../platform/tables/tables.ts';
import { MAX_SEARCH_READS, SEARCH_ROWS } from '../limits.ts';
import type { AuditRecord } from './record.ts';
import { recordOf, type TrailQuery, type TrailStore } from './trailStore.ts';

/** A search. The rows have no columns for `decision` and `outcome`, so the records are read to compare these. */
export interface TrailSearch extends TrailQuery {
  readonly decision?: AuditRecord['decision'] | undefined;
  readonly outcome?: string | undefined;
}

/**
 * Returns records, newest first; `after` is the key of the last row that was examined. A page may be short or empty and still name
 * where to continue. Rows that hold no valid record are skipped: the verification reports them.
 */
export async function searchTrail(
  store: Pick<TrailStore, 'records'>,
  tenantId: string,
  { decision, outcome, ...query }: TrailSearch,
  limit: number,
  after?: string,
): Promise<Page<AuditRecord>> {
  const isWanted = (record: AuditRecord) =>
    (decision === undefined || record.decision === decision) &&
    (outcome === undefined || record.outcome === outcome);
  const takesAll = decision === undefined && outcome === undefined;
  const items: AuditRecord[] = [];
  let position = after;
  for (let reads = 0; reads < MAX_SEARCH_READS; reads++) {
    const page = await store.records(tenantId, query, takesAll ? limit : SEARCH_ROWS, position);
    for (const row of page.rows) {
      const record = recordOf(row);
      if (record && isWanted(record)) {
        if (items.length === limit) return { items, ...(position !== undefined && { after: position }) };
        items.push(record);
      }
      position = row.key;
    }
    if (page.after === undefined) return { items };
    if (takesAll) return { items, after: page.after };
  }
  return { items, ...(position !== undefined && { after: position }) };
}
