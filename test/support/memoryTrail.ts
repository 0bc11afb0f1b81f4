import {
  keyRange,
  matches,
  segmentKey,
  type TrailRow,
  type TrailStore,
} from '../../shared/audit/model/trailStore.ts';

/** A trail in memory, with rows that a test may change as someone with access to the storage may. */
export interface OpenTrail {
  readonly store: TrailStore;
  read(tenantId: string, key: string): Promise<TrailRow | undefined>;
  write(tenantId: string, row: TrailRow): Promise<void>;
  remove(tenantId: string, key: string): Promise<void>;
}

/** `before` runs ahead of every operation: a test may count there, or throw. */
export function memoryTrail(before: (operation: string) => void = () => undefined): OpenTrail {
  const tenants = new Map<string, Map<string, TrailRow>>();
  const rowsOf = (tenantId: string): Map<string, TrailRow> => {
    const rows = tenants.get(tenantId) ?? new Map<string, TrailRow>();
    tenants.set(tenantId, rows);
    return rows;
  };
  const copy = (document: unknown): unknown =>
    document === undefined ? undefined : (JSON.parse(JSON.stringify(document)) as unknown);
  const act = async <A>(operation: string, change: () => A): Promise<A> => {
    await Promise.resolve();
    before(operation);
    return change();
  };
  const page = (rows: Iterable<TrailRow>, limit: number, wanted: (row: TrailRow) => boolean) => {
    const found = [...rows].filter(wanted).sort((a, b) => (a.key < b.key ? -1 : 1));
    const last = found[limit - 1];
    return { rows: found.slice(0, limit), ...(found.length > limit && last && { after: last.key }) };
  };
  const store: TrailStore = {
    commit: (records, segments) =>
      act('commit', () => {
        const rows = rowsOf(segments[0]?.tenantId ?? '');
        if (records.some(({ key }) => rows.has(key))) return 'exists';
        for (const { key, text } of records) rows.set(key, { key, document: JSON.parse(text) as unknown });
        for (const segment of segments) {
          rows.set(segmentKey(segment), { key: segmentKey(segment), document: copy(segment), labels: {} });
        }
        return 'stored';
      }),
    find: (tenantId, key) => act('find', () => rowsOf(tenantId).get(key)),
    records: (tenantId, query, limit, after = '') =>
      act('records', () => {
        const { above, below } = keyRange(query);
        return page(
          rowsOf(tenantId).values(),
          limit,
          (row) => row.key > above && row.key > after && row.key < below && matches(row.document, query),
        );
      }),
    segments: (tenantId, limit, after = 's') =>
      act('segments', () => page(rowsOf(tenantId).values(), limit, ({ key }) => key > after && key < 't')),
  };
  return {
    store,
    read: (tenantId, key) => Promise.resolve(rowsOf(tenantId).get(key)),
    write: (tenantId, row) => Promise.resolve(void rowsOf(tenantId).set(row.key, row)),
    remove: (tenantId, key) => Promise.resolve(void rowsOf(tenantId).delete(key)),
  };
}
