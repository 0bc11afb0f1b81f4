import type { Page } from '../../platform/tables/tables.ts';
import { MAX_SEARCH_READS } from '../limits.ts';
import type { AuditRecord } from './record.ts';
import { recordOf, type TrailQuery, type TrailStore } from './trailStore.ts';

/**
 * Returns records, newest first; `after` is the key of the last record that was examined. A page may be short or empty and still
 * name where to continue. Rows that hold no valid record of the tenant are skipped: the verification reports them.
 */
export async function searchTrail(
  store: Pick<TrailStore, 'records'>,
  tenantId: string,
  query: TrailQuery,
  limit: number,
  after?: string,
): Promise<Page<AuditRecord>> {
  const items: AuditRecord[] = [];
  let position = after;
  for (let reads = 0; reads < MAX_SEARCH_READS; reads++) {
    const page = await store.records(tenantId, query, limit - items.length, position);
    items.push(...page.rows.map((row) => recordOf(row, tenantId)).filter((record) => record !== undefined));
    if (page.after === undefined) return { items };
    position = page.after;
    if (items.length >= limit) break;
  }
  return { items, ...(position !== undefined && { after: position }) };
}
