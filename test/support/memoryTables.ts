import { parseExactJson } from '../../shared/platform/base/exactJson.ts';
import {
  ANY_ETAG,
  type Mark,
  type OpenTable,
  type Stored,
  type Table,
} from '../../shared/platform/tables/tables.ts';

/**
 * Tables in memory with the promises of `shared/platform/tables/tables.ts`; the contract suite holds both to them.
 * `before` runs ahead of every operation: a test may count there, or throw.
 */
export function memoryTables(before: (operation: string) => void = () => undefined): OpenTable {
  return (name, codec) => {
    type Row = Stored<ReturnType<typeof codec.parse>>;
    type Entry = { row: Row; columns: ReturnType<typeof codec.columns>; partition: string };
    const rows = new Map<string, Entry>();
    const marks = new Map<string, Mark>();
    let version = 0;
    const idOf = ({ partition, row }: { partition: string; row: string }) => `${partition}/${row}`;
    const put = (value: Row['value']) => {
      const copy = codec.parse(parseExactJson(JSON.stringify(value)));
      const key = codec.key(value);
      rows.set(idOf(key), {
        row: { value: copy, etag: String(++version) },
        columns: codec.columns(value),
        partition: key.partition,
      });
    };
    const act = async <A>(operation: string, change: () => A): Promise<A> => {
      await Promise.resolve();
      before(`${operation} ${name}`);
      return change();
    };
    const guarded = (id: string, etag: string): 'missing' | 'conflict' | undefined => {
      const found = rows.get(id);
      if (!found) return 'missing';
      return found.row.etag === etag || etag === ANY_ETAG ? undefined : 'conflict';
    };
    const first = (wanted: (entry: Entry) => boolean, limit: number) => {
      const found = [...rows.entries()]
        .filter(([, entry]) => wanted(entry))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { row }]) => row.value);
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return { items, ...(found.length > limit && last !== undefined && { after: codec.key(last).row }) };
    };
    const table: Table<Row['value']> = {
      get: (key) => act('get', () => rows.get(idOf(key))?.row),
      insert: (value) =>
        act('insert', () => {
          const key = codec.key(value);
          if (rows.has(idOf(key))) return 'exists';
          put(value);
          const columns = codec.open?.(value);
          if (columns) marks.set(idOf(key), { key, columns });
          return 'inserted';
        }),
      replace: (value, etag) =>
        act('replace', () => {
          const refused = guarded(idOf(codec.key(value)), etag);
          if (refused) return { status: refused };
          put(value);
          if (!codec.open?.(value)) marks.delete(idOf(codec.key(value)));
          return { status: 'replaced', etag: String(version) };
        }),
      remove: (key, etag) =>
        act('remove', () => {
          const refused = guarded(idOf(key), etag);
          if (refused) return refused;
          rows.delete(idOf(key));
          return 'removed';
        }),
      commit: (changes) =>
        act('commit', () => {
          const holds = changes.every((change) => {
            if ('insert' in change) return !rows.has(idOf(codec.key(change.insert)));
            const key = 'replace' in change ? codec.key(change.replace) : change.remove;
            return guarded(idOf(key), change.etag) === undefined;
          });
          if (!holds) return 'conflict';
          for (const change of changes) {
            if ('remove' in change) rows.delete(idOf(change.remove));
            else put('insert' in change ? change.insert : change.replace);
          }
          return 'committed';
        }),
      range: (partition, prefix, filter, limit, after) =>
        act('range', () =>
          first(({ partition: of, columns, row }) => {
            const key = codec.key(row.value).row;
            return (
              of === partition &&
              key.startsWith(prefix) &&
              (after === undefined || key > after) &&
              (filter === '' || passes(columns, filter))
            );
          }, limit),
        ),
      page: (partition, limit, after = '') =>
        act('page', () => {
          return first(
            (entry) => entry.partition === partition && codec.key(entry.row.value).row > after,
            limit,
          );
        }),
      search: (prefix, filter, limit, after) =>
        act('search', () =>
          first(
            ({ partition, columns, row }) =>
              partition.startsWith(prefix) &&
              (filter === '' || passes(columns, filter)) &&
              (!after || idOf(codec.key(row.value)) > idOf(after)),
            limit,
          ),
        ),
      scan: async function* (filter) {
        const wanted = await act('scan', () =>
          [...rows.values()].filter(({ columns }) => passes(columns, filter)),
        );
        for (const { row } of wanted) yield row;
      },
      marks: (partition) =>
        act('marks', () => [...marks.values()].filter(({ key }) => key.partition === partition)),
    };
    return table;
  };
}

/** The part of OData that our filters use, terms joined by `and`: `x eq true`, `x eq 'text'`, `x lt datetime'...'`, `x ge ...`. */
function passes(columns: Readonly<Record<string, string | boolean | Date>>, filter: string): boolean {
  return filter.split(' and ').every((term) => {
    const [, column = '', flag, text, order, time] =
      /^(\w+) (?:eq (true)|eq '(.*)'|(lt|ge) datetime'(.+)')$/.exec(term) ?? [];
    const value = columns[column];
    if (flag !== undefined) return value === true;
    if (text !== undefined) return value === text.replaceAll("''", "'");
    if (time === undefined) throw new Error(`memory tables do not know the filter ${term}`);
    return value instanceof Date && value < new Date(time) === (order === 'lt');
  });
}
