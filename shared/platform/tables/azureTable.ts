import type { TableClient } from '@azure/data-tables';
import { InfrastructureError } from '../base/errors.ts';
import { parseExactJson } from '../base/exactJson.ts';
import { sendBatch } from './azureTableBatch.ts';
import {
  type Act,
  type FoundRow,
  listRows,
  type NewRow,
  readRow,
  sendAct,
  type TableAnswer,
  TableRefusal,
} from './azureTableRows.ts';
import { odata } from './odata.ts';
import { join, split } from './tableDocument.ts';
import {
  ANY_ETAG,
  type Columns,
  type Mark,
  type OnUnreadable,
  type Page,
  type RowKey,
  type Stored,
  type Table,
  type TableCodec,
} from './tables.ts';

/** Sorts behind every character of the gateway's keys. */
export const LAST_CHARACTER = '\uffff';

/** The first character of the row key of a mark. It sorts behind the first characters of all other row keys. */
const MARK = '~';

/** Returns whether a row can have this key. Azure answers 400 to any other key, and no URL holds half a surrogate pair. */
const isLegal = ({ partition, row }: RowKey): boolean =>
  [partition, row].every((key) => key.length <= 512 && key.isWellFormed() && !/[/\\#?\p{Cc}]/u.test(key));

/** Returns a `Table` on Azure Tables. It opens with the first operation. */
export function azureTable<T>(
  name: string,
  codec: TableCodec<T>,
  client: () => Promise<TableClient>,
): Table<T> {
  const attempt = async <A>(operation: string, act: (client: TableClient) => Promise<A>): Promise<A> => {
    try {
      return await act(await client());
    } catch (error) {
      throw new InfrastructureError('tables', `${operation} ${name}`, error);
    }
  };
  /** Runs one operation. Its answer has a status of success, or one of `outcomes` from the service about a row. */
  const run = <A extends TableAnswer>(
    operation: string,
    outcomes: readonly number[],
    act: (client: TableClient) => Promise<A>,
  ): Promise<A> =>
    attempt(operation, async (table) => {
      const answer = await act(table);
      if (answer.status < 300 || (isOfRow(answer) && outcomes.includes(answer.status))) return answer;
      throw new TableRefusal(answer);
    });
  const rowOf = (value: T): NewRow => ({
    key: codec.key(value),
    properties: { ...codec.columns(value), ...split(JSON.stringify(value)) },
  });
  const stored = ({ properties, etag }: FoundRow): Stored<T> => ({
    value: codec.parse(parseExactJson(join(properties))),
    etag,
  });

  const readable = (found: FoundRow, onUnreadable?: OnUnreadable) => {
    try {
      return stored(found);
    } catch (error) {
      if (!onUnreadable) throw error;
      onUnreadable(found.key, error);
      return undefined;
    }
  };
  /** Returns the first rows that match. It asks for one row more, which shows whether there is a next page. */
  const first = async (operation: string, terms: readonly string[], limit: number): Promise<Page<T>> => {
    const values = codec.open ? [...terms, `RowKey lt '${MARK}'`] : terms;
    const filter = values.filter(Boolean).join(' and ');
    // No row holds half a surrogate pair, and no URL.
    if (!filter.isWellFormed()) return { items: [] };
    const found = await attempt(operation, async (table) => {
      const rows: FoundRow[] = [];
      for await (const page of listRows(table, filter, limit + 1)) {
        rows.push(...page);
        if (rows.length > limit) break;
      }
      return rows;
    });
    const items = found.slice(0, limit).map((row) => stored(row).value);
    const last = items.at(-1);
    return { items, ...(found.length > limit && last !== undefined && { after: codec.key(last).row }) };
  };

  return {
    get: async (key) => {
      if (!isLegal(key)) return undefined;
      const { row } = await run('get', [404], (table) => readRow(table, key));
      return row && stored(row);
    },
    insert: async (value) => {
      const row = rowOf(value);
      const columns = codec.open?.(value);
      const { status } = await run('insert', [409], (table) =>
        columns
          ? sendBatch(table, [
              ['insert', row],
              ['put', { key: markOf(row.key), properties: columns }],
            ])
          : sendAct(table, ['insert', row]),
      );
      return status === 409 ? 'exists' : 'inserted';
    },
    replace: async (value, etag) => {
      const row = rowOf(value);
      const closes = codec.open && !codec.open(value);
      const answer = await run('replace', [404, 412], async (table) => {
        if (!closes) return sendAct(table, ['replace', row, etag]);
        // Both or none.
        const { etags, ...both } = await sendBatch(table, [
          ['replace', row, etag],
          ['remove', markOf(row.key), ANY_ETAG],
        ]);
        return { ...both, etag: etags[0] };
      });
      if (answer.status === 404) return { status: 'missing' };
      if (answer.status === 412) return { status: 'conflict' };
      if (answer.etag === undefined)
        throw new InfrastructureError('tables', `replace ${name}`, new Error('the answer has no ETag'));
      return { status: 'replaced', etag: answer.etag };
    },
    remove: async (key, etag) => {
      if (!isLegal(key)) return 'missing';
      const { status } = await run('remove', [404, 412], (table) => sendAct(table, ['remove', key, etag]));
      if (status === 404) return 'missing';
      return status === 412 ? 'conflict' : 'removed';
    },
    commit: async (changes) => {
      const acts = changes.map((change): Act => {
        if ('insert' in change) return ['insert', rowOf(change.insert)];
        if ('replace' in change) return ['replace', rowOf(change.replace), change.etag];
        return ['remove', change.remove, change.etag];
      });
      const { status } = await run('commit', [404, 409, 412], (table) => sendBatch(table, acts));
      return status < 300 ? 'committed' : 'conflict';
    },
    range: (partition, prefix, filter, limit, after) => {
      const start = after === undefined ? odata`RowKey ge ${prefix}` : odata`RowKey gt ${after}`;
      const end = odata`RowKey lt ${prefix + LAST_CHARACTER}`;
      return first('range', [odata`PartitionKey eq ${partition}`, start, end, filter], limit);
    },
    page: (partition, limit, after = '') =>
      first('page', [odata`PartitionKey eq ${partition} and RowKey gt ${after}`], limit),
    search: (prefix, filter, limit, after) => {
      const range = odata`PartitionKey ge ${prefix} and PartitionKey lt ${prefix + LAST_CHARACTER}`;
      const rest = after
        ? odata`(PartitionKey gt ${after.partition} or (PartitionKey eq ${after.partition} and RowKey gt ${after.row}))`
        : '';
      return first('search', [range, rest, filter], limit);
    },
    scan: async function* (filter, onUnreadable) {
      const pages = listRows(await client(), filter);
      for (;;) {
        const page = await attempt('scan', () => pages.next());
        if (page.done) return;
        for (const found of page.value) {
          const row = readable(found, onUnreadable);
          if (row) yield row;
        }
      }
    },
    marks: (partition) =>
      attempt('marks', async (table) => {
        const marks: Mark[] = [];
        const filter = odata`PartitionKey eq ${partition} and RowKey ge ${MARK}`;
        for await (const page of listRows(table, filter)) {
          for (const { key, properties } of page)
            marks.push({
              key: { partition, row: key.row.slice(MARK.length) },
              columns: properties as Columns,
            });
        }
        return marks;
      }),
  };
}

const markOf = ({ partition, row }: RowKey): RowKey => ({ partition, row: MARK + row });

/** Whether the Table service reports a failure of a row. A missing table, or a failure of another service, is not one. */
const isOfRow = ({ code }: TableAnswer): boolean => code !== undefined && !code.startsWith('Table');
