import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TableClient } from '@azure/data-tables';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { parseExactJson } from '../../shared/platform/base/exactJson.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import {
  ANY_ETAG,
  type OpenTable,
  type Table,
  type TableCodec,
} from '../../shared/platform/tables/tables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryTables } from '../support/memoryTables.ts';

interface Note {
  readonly tenant: string;
  readonly name: string;
  readonly text: string;
  readonly open: boolean;
  readonly at: string;
}

const codec: TableCodec<Note> = {
  key: ({ tenant, name }) => ({ partition: tenant, row: name }),
  columns: ({ open, at }) => ({ open, at: new Date(at) }),
  parse: (document) => document as Note,
};

const note = (name: string, more: Partial<Note> = {}): Note => ({
  tenant: 't1',
  name,
  text: `text of ${name}`,
  open: true,
  at: '2026-01-01T00:00:00.000Z',
  ...more,
});

let azurite: Azurite;
let gone: Azurite;
let tableCount = 0;
beforeAll(async () => {
  [azurite, gone] = await Promise.all([startAzurite(), startAzurite({ alone: true })]);
  await gone.stop();
});
afterAll(() => azurite.stop());

/** The table as the service keeps it. */
const clientOf = (name: string) =>
  TableClient.fromConnectionString(azurite.connectionString, name, { allowInsecureConnection: true });

async function azureTable<T>(of: TableCodec<T>): Promise<{ table: Table<T>; client: TableClient }> {
  const name = `notes${String(++tableCount)}`;
  const client = clientOf(name);
  await client.createTable();
  return { table: openTables(azurite.connectionString)(name, of), client };
}

const implementations: [string, (of?: TableCodec<Note>) => Promise<Table<Note>>][] = [
  ['Azure Tables', async (of = codec) => (await azureTable(of)).table],
  ['tables in memory', (of = codec) => Promise.resolve((memoryTables() satisfies OpenTable)('notes', of))],
];

describe.each(implementations)('%s', (_, make) => {
  let table: Table<Note>;
  beforeEach(async () => {
    table = await make();
  });

  const etagOf = async (name: string) => (await table.get({ partition: 't1', row: name }))?.etag ?? '';

  test('give back what was inserted', async () => {
    expect(await table.insert(note('a'))).toBe('inserted');
    expect((await table.get({ partition: 't1', row: 'a' }))?.value).toEqual(note('a'));
  });

  test('keep the first of two rows with one key', async () => {
    await table.insert(note('a', { text: 'first' }));
    expect(await table.insert(note('a', { text: 'second' }))).toBe('exists');
    expect((await table.get({ partition: 't1', row: 'a' }))?.value.text).toBe('first');
  });

  test('let one of many concurrent inserts win', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (__, index) => table.insert(note('a', { text: String(index) }))),
    );
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(19);
  });

  test('have nothing of another partition', async () => {
    await table.insert(note('a'));
    expect(await table.get({ partition: 't2', row: 'a' })).toBeUndefined();
    expect((await table.page('t2', 10)).items).toEqual([]);
    expect(await table.remove({ partition: 't2', row: 'a' }, await etagOf('a'))).toBe('missing');
    expect(await table.insert(note('a', { tenant: 't2' }))).toBe('inserted');
  });

  test('replace a row only as it was read', async () => {
    await table.insert(note('a'));
    const etag = await etagOf('a');
    expect((await table.replace(note('a', { text: 'new' }), etag)).status).toBe('replaced');
    expect((await table.replace(note('a', { text: 'late' }), etag)).status).toBe('conflict');
    expect((await table.get({ partition: 't1', row: 'a' }))?.value.text).toBe('new');
    expect((await table.replace(note('b'), etag)).status).toBe('missing');
    expect(await table.get({ partition: 't1', row: 'b' })).toBeUndefined();
  });

  test('let one of many concurrent replacements win', async () => {
    await table.insert(note('a'));
    const etag = await etagOf('a');
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (__, index) => table.replace(note('a', { text: String(index) }), etag)),
    );
    expect(outcomes.filter(({ status }) => status === 'replaced')).toHaveLength(1);
    expect(outcomes.filter(({ status }) => status === 'conflict')).toHaveLength(9);
  });

  test('commit all changes of a transaction, or none', async () => {
    await table.insert(note('a'));
    const etag = await etagOf('a');
    const changes = [{ replace: note('a', { text: 'new' }), etag }, { insert: note('b') }];
    expect(await table.commit([...changes, { replace: note('gone'), etag: ANY_ETAG }])).toBe('conflict');
    expect(await table.commit([...changes, { insert: note('a') }].slice(1))).toBe('conflict');
    expect((await table.page('t1', 9)).items).toEqual([note('a')]);
    expect(await table.commit(changes)).toBe('committed');
    expect(await table.commit(changes)).toBe('conflict');
    expect((await table.page('t1', 9)).items).toEqual([note('a', { text: 'new' }), note('b')]);
    const removal = (row: string) => ({ remove: { partition: 't1', row }, etag: ANY_ETAG });
    expect(await table.commit([removal('a'), removal('gone')])).toBe('conflict');
    expect(await table.commit([removal('a'), { insert: note('c') }])).toBe('committed');
    expect((await table.page('t1', 9)).items).toEqual([note('b'), note('c')]);
    expect(await table.commit([removal('b'), removal('c')])).toBe('committed');
    expect(await table.commit([{ insert: note('a', { text: 'new' }) }, { insert: note('b') }])).toBe(
      'committed',
    );
    expect((await table.page('t1', 9)).items).toEqual([note('a', { text: 'new' }), note('b')]);
    expect(await table.commit([{ replace: note('a', { text: 'any' }), etag: ANY_ETAG }])).toBe('committed');
  });

  test('let one of many concurrent transactions win', async () => {
    await table.insert(note('a'));
    const etag = await etagOf('a');
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (__, index) =>
        table.commit([{ replace: note('a', { text: String(index) }), etag }, { insert: note(`b${index}`) }]),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
    expect((await table.page('t1', 30)).items).toHaveLength(2);
  });

  test('keep the text of every number', async () => {
    const text = '{"id":725653563933458432,"price":1.0,"far":1e400,"zero":-0,"n":[0.1,2]}';
    const table = await make();
    await table.insert({ ...note('a'), more: parseExactJson(text) } as Note);
    const stored = await table.get({ partition: 't1', row: 'a' });
    expect(stored?.value).toHaveProperty('more.n', [0.1, 2]);
    expect(JSON.stringify(stored?.value)).toContain(`"more":${text}`);
  });

  test('list a range of row keys, filtered and page by page', async () => {
    for (const name of ['a:1', 'b:1', 'b:2', 'b:3', 'bb:1', 'c:1']) {
      await table.insert(note(name, { open: name !== 'b:2', at: `2026-01-0${name.slice(-1)}T00:00:00Z` }));
    }
    await table.insert(note('b:9', { tenant: 't2' }));
    const names = async (filter: string, limit: number, after?: string) => {
      const page = await table.range('t1', 'b:', filter, limit, after);
      return [page.items.map(({ name }) => name), page.after];
    };
    expect(await names('', 9)).toEqual([['b:1', 'b:2', 'b:3'], undefined]);
    expect(await names('', 2)).toEqual([['b:1', 'b:2'], 'b:2']);
    expect(await names('', 2, 'b:2')).toEqual([['b:3'], undefined]);
    expect(await names('open eq true', 9)).toEqual([['b:1', 'b:3'], undefined]);
    expect(await names("at ge datetime'2026-01-02T00:00:00Z'", 9)).toEqual([['b:2', 'b:3'], undefined]);
  });

  test('remove a row only as it was read', async () => {
    await table.insert(note('a'));
    const etag = await etagOf('a');
    await table.replace(note('a', { text: 'new' }), etag);
    expect(await table.remove({ partition: 't1', row: 'a' }, etag)).toBe('conflict');
    expect(await table.remove({ partition: 't1', row: 'a' }, await etagOf('a'))).toBe('removed');
    expect(await table.remove({ partition: 't1', row: 'a' }, etag)).toBe('missing');
    expect(await table.get({ partition: 't1', row: 'a' })).toBeUndefined();
  });

  describe('with marks', () => {
    const marked: TableCodec<Note> = {
      ...codec,
      open: ({ open, at }) => (open ? { text: 'open', at: new Date(at) } : undefined),
    };
    const names = async () => (await table.marks('t1')).map(({ key }) => key.row).sort();
    beforeEach(async () => {
      table = await make(marked);
    });

    test('mark what is inserted open, of the own partition alone, with its columns', async () => {
      await table.insert(note('a'));
      await table.insert(note('b', { open: false }));
      await table.insert(note('c', { tenant: 't2' }));
      expect(await table.marks('t1')).toEqual([
        { key: { partition: 't1', row: 'a' }, columns: { text: 'open', at: new Date(note('a').at) } },
      ]);
    });

    test('keep the mark while the value stays open, and remove it with the value that is not', async () => {
      await table.insert(note('a'));
      const second = await table.replace(note('a', { text: 'still open' }), await etagOf('a'));
      expect(await names()).toEqual(['a']);
      const etag = second.status === 'replaced' ? second.etag : '';
      expect((await table.replace(note('a', { open: false }), 'W/"other"')).status).toBe('conflict');
      expect(await names()).toEqual(['a']);
      const third = await table.replace(note('a', { open: false, text: 'done' }), etag);
      expect(third).toEqual({ status: 'replaced', etag: await etagOf('a') });
      expect(await names()).toEqual([]);
      expect((await table.get({ partition: 't1', row: 'a' }))?.value.text).toBe('done');
    });

    test('do not mark anew what is there already, nor show marks among the rows', async () => {
      await table.insert(note('a'));
      await table.replace(note('a', { open: false }), await etagOf('a'));
      expect(await table.insert(note('a'))).toBe('exists');
      expect(await names()).toEqual([]);
      await table.insert(note('b'));
      expect((await table.page('t1', 9)).items.map(({ name }) => name)).toEqual(['a', 'b']);
      expect((await table.search('t', '', 9)).items.map(({ name }) => name)).toEqual(['a', 'b']);
    });

    test('let one of many that close it at once win', async () => {
      await table.insert(note('a'));
      const etag = await etagOf('a');
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => table.replace(note('a', { open: false }), etag)),
      );
      expect(outcomes.filter(({ status }) => status === 'replaced')).toHaveLength(1);
    });
  });

  test.each<[limit: number, count: number, names: string[], after: string | undefined, why: string]>([
    [1, 4, ['a'], 'a', 'the first of some'],
    [3, 4, ['a', 'b', 'c'], 'c', 'all but one'],
    [4, 4, ['a', 'b', 'c', 'd'], undefined, 'exactly all'],
    [5, 4, ['a', 'b', 'c', 'd'], undefined, 'more than there are'],
    [1, 0, [], undefined, 'of none'],
  ])('page %i of %i rows: %j, to go on after %s (%s)', async (limit, count, names, after) => {
    for (const name of ['d', 'b', 'a', 'c'].filter((__, index) => index < count))
      await table.insert(note(name));
    const page = await table.page('t1', limit);
    expect(page.items.map(({ name }) => name)).toEqual(names);
    expect(page.after).toBe(after);
    expect('after' in page).toBe(after !== undefined);
  });

  test('page every row once, whatever is inserted and removed meanwhile', async () => {
    for (const name of ['b', 'd', 'f', 'h']) await table.insert(note(name));
    const first = await table.page('t1', 2);
    await table.insert(note('a'));
    await table.insert(note('e'));
    await table.remove({ partition: 't1', row: 'd' }, await etagOf('d'));
    const second = await table.page('t1', 2, first.after);
    const third = await table.page('t1', 2, second.after);
    const names = [first, second, third].map(({ items }) => items.map(({ name }) => name));
    expect(names).toEqual([['b', 'd'], ['e', 'f'], ['h']]);
    expect(third.after).toBeUndefined();
  });

  test('scan all partitions for rows whose columns match', async () => {
    await table.insert(note('old', { tenant: 't1' }));
    await table.insert(note('old', { tenant: 't2' }));
    await table.insert(note('closed', { open: false }));
    await table.insert(note('young', { at: '2026-02-01T00:00:00.000Z' }));
    const found: string[] = [];
    const filter = "open eq true and at lt datetime'2026-01-15T00:00:00.000Z'";
    for await (const { value, etag } of table.scan(filter)) {
      found.push(`${value.tenant}/${value.name}`);
      expect((await table.replace({ ...value, open: false }, etag)).status).toBe('replaced');
    }
    expect(found.sort()).toEqual(['t1/old', 't2/old']);
  });

  describe('a search over partitions', () => {
    beforeEach(async () => {
      for (const tenant of ['t1_0', 't1_a', 't1_f', 't2_0', 't1'])
        for (const name of ['a', 'b']) await table.insert(note(name, { tenant, open: name === 'a' }));
    });
    const found = (page: { items: readonly Note[] }) => page.items.map(({ tenant, name }) => tenant + name);

    test('goes through those that begin with the prefix, in the order of keys, page by page', async () => {
      const first = await table.search('t1_', '', 4);
      expect(found(first)).toEqual(['t1_0a', 't1_0b', 't1_aa', 't1_ab']);
      const next = await table.search('t1_', '', 4, { partition: 't1_a', row: first.after ?? '' });
      expect([found(next), next.after]).toEqual([['t1_fa', 't1_fb'], undefined]);
    });

    test('passes over what the filter does not match, across the border of a page too', async () => {
      const first = await table.search('t1_', 'open eq true', 2);
      expect(found(first)).toEqual(['t1_0a', 't1_aa']);
      const next = await table.search('t1_', 'open eq true', 2, {
        partition: 't1_a',
        row: first.after ?? '',
      });
      expect([found(next), next.after]).toEqual([['t1_fa'], undefined]);
    });
  });
});

describe('a document', () => {
  const chunk = 32_000;
  const overhead = JSON.stringify(note('a', { text: '' })).length;

  test.each([
    ['', 'nothing'],
    ['x', 'one character'],
    ['x'.repeat(chunk - overhead), 'exactly one part'],
    ['x'.repeat(chunk - overhead + 1), 'one character more than a part'],
    ['x'.repeat(chunk * 3 - overhead), 'exactly three parts'],
    ['🚀'.repeat(chunk), 'characters of two code units over several parts'],
    ['x' + '🚀'.repeat(chunk), 'the same, with the border between parts moved by one'],
    ['"\\\n\u0000\u007f\u2028'.repeat(1_000), 'characters that JSON escapes'],
    ['a\ud800b', 'half a character'],
    ['x'.repeat(480_000 - overhead), 'as long as a row takes'],
    ['中'.repeat(480_000 - overhead), 'the same of characters that are three bytes each'],
  ])('comes back as it was, replaced ones too: case %#', async (text) => {
    const { table } = await azureTable(codec);
    expect(await table.insert(note('a', { text }))).toBe('inserted');
    const stored = await table.get({ partition: 't1', row: 'a' });
    expect(stored?.value.text === text).toBe(true);
    expect((await table.replace(note('a', { text: 'short' }), stored?.etag ?? '')).status).toBe('replaced');
    const short = await table.get({ partition: 't1', row: 'a' });
    expect(short?.value.text).toBe('short');
    // Azurite has a limit of its own for the body of a replacement.
    expect((await table.replace(note('a', { text }), short?.etag ?? '')).status).toBe('replaced');
    expect((await table.get({ partition: 't1', row: 'a' }))?.value.text === text).toBe(true);
  });

  test.each([0, 1])('is never cut within a character: shift %i', async (shift) => {
    const { table, client } = await azureTable(codec);
    await table.insert(note('a', { text: 'x'.repeat(shift) + '🚀'.repeat(chunk) }));
    const entity = await client.getEntity('t1', 'a');
    const parts = Object.entries(entity).filter(([name]) => name.startsWith('document'));
    expect(parts.length).toBeGreaterThan(2);
    for (const [, part] of parts) expect(String(part).isWellFormed()).toBe(true);
  });

  test('that is too long for text is packed, and read like any other', async () => {
    const { table, client } = await azureTable(codec);
    const text = JSON.stringify(
      Array.from({ length: 20_000 }, (_, index) => ({ name: `tool_${index}`, title: '🚀 ∂' })),
    );
    expect(text.length).toBeGreaterThan(700_000);
    await table.insert(note('a', { text }));
    const stored = await table.get({ partition: 't1', row: 'a' });
    expect(stored?.value).toEqual(note('a', { text }));
    expect((await table.page('t1', 5)).items).toEqual([note('a', { text })]);
    expect(Object.keys(await client.getEntity('t1', 'a'))).not.toContain('document0');
    // A shorter document replaces the packed one whole.
    await table.replace(note('a', { text: 'short' }), stored?.etag ?? '');
    expect((await table.get({ partition: 't1', row: 'a' }))?.value).toEqual(note('a', { text: 'short' }));
  });

  test('that is too long is refused before anything is sent, and what was there stays', async () => {
    const { table } = await azureTable(codec);
    const text = randomBytes(1_000_000).toString('base64');
    await expect(table.insert(note('a', { text }))).rejects.toThrow(RangeError);
    expect(await table.get({ partition: 't1', row: 'a' })).toBeUndefined();
    await table.insert(note('a'));
    const stored = await table.get({ partition: 't1', row: 'a' });
    await expect(table.replace(note('a', { text }), stored?.etag ?? '')).rejects.toThrow(RangeError);
    expect(await table.get({ partition: 't1', row: 'a' })).toEqual(stored);
  });

  test('that no longer parses is an error of its own, not an outage and not "not found"', async () => {
    class Unreadable extends Error {}
    const { table, client } = await azureTable({
      ...codec,
      parse: () => {
        throw new Unreadable();
      },
    });
    await client.createEntity({ partitionKey: 't1', rowKey: 'a', document0: '{}' });
    await expect(table.get({ partition: 't1', row: 'a' })).rejects.toThrow(Unreadable);
    await expect(table.page('t1', 1)).rejects.toThrow(Unreadable);
    await expect(Array.fromAsync(table.scan(''))).rejects.toThrow(Unreadable);
  });

  test('that no longer parses does not stop a scan for one who is told of it', async () => {
    const { table, client } = await azureTable(codec);
    await table.insert(note('a'));
    await client.createEntity({ partitionKey: 't1', rowKey: 'b', document0: '{' });
    await table.insert(note('c'));
    const unreadable: unknown[] = [];
    const rows = await Array.fromAsync(table.scan('', (key) => unreadable.push(key)));
    expect(rows.map(({ value }) => value.name)).toEqual(['a', 'c']);
    expect(unreadable).toEqual([{ partition: 't1', row: 'b' }]);
  });
});

describe('a key', () => {
  test.each([
    ["o'brien", 'a quote, which OData doubles'],
    ["' or RowKey ne '", 'a filter'],
    ["a' or true or 'b", 'a filter'],
    ['a b+c&d=e%20f', 'what URLs give a meaning to'],
    ['%', 'half a percent-encoding'],
    ['ünïcödé 東京 🚀', 'other scripts'],
    ['x'.repeat(512), 'as long as keys may be'],
  ])('%j is one key like another: %s', async (name) => {
    const { table } = await azureTable(codec);
    await table.insert(note('other'));
    expect(await table.get({ partition: 't1', row: name })).toBeUndefined();
    expect(await table.insert(note(name))).toBe('inserted');
    const stored = await table.get({ partition: 't1', row: name });
    expect(stored?.value.name).toBe(name);
    expect((await table.page('t1', 10, name)).items.every((found) => found.name > name)).toBe(true);
    expect(await table.remove({ partition: 't1', row: name }, stored?.etag ?? '')).toBe('removed');
  });

  test("of another tenant cannot be reached by a quote in one's own", async () => {
    const { table } = await azureTable(codec);
    await table.insert(note('a'));
    expect((await table.page("x' or PartitionKey eq 't1", 10)).items).toEqual([]);
  });

  test.each([
    ['a/b', 'a slash'],
    ['a\\b', 'a backslash'],
    ['a#b', 'a number sign'],
    ['a?b', 'a question mark'],
    ['a\u0000b', 'a zero byte'],
    ['a\nb', 'a line break'],
    ['a\u007f', 'delete'],
    ['a\u0085', 'a C1 control'],
    ['x'.repeat(513), 'too long'],
    ['🚀'.repeat(257), 'too long in code units'],
    ['\ud83d', 'half a character, which the SDK cannot encode'],
  ])('%j is of no row, which is known without asking: %s', async (text) => {
    const requests = await countingService();
    const table = openTables(requests.connectionString)('notes', codec);
    for (const key of [
      { partition: 't1', row: text },
      { partition: text, row: 'a' },
    ]) {
      expect(await table.get(key)).toBeUndefined();
      expect(await table.remove(key, ANY_ETAG)).toBe('missing');
    }
    expect(requests.count()).toBe(0);
  });

  test('half a character in a filter matches no row, which is known without asking', async () => {
    const requests = await countingService();
    const table = openTables(requests.connectionString)('notes', codec);
    expect(await table.search('t1', "name eq '\ud83d'", 10)).toEqual({ items: [] });
    expect(requests.count()).toBe(0);
  });
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0)) await close();
});

/** What answers in the place of the table service. */
async function serviceThat(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return azurite.connectionString.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`);
}

async function countingService() {
  let requests = 0;
  const connectionString = await serviceThat((_, response) => {
    requests++;
    response.writeHead(500).end();
  });
  return { connectionString, count: () => requests };
}

/** Each operation, and what it would answer if the fault were taken for an outcome. */
const operations: [string, (table: Table<Note>) => Promise<unknown>][] = [
  ['get', (table) => table.get({ partition: 't1', row: 'a' })],
  ['insert', (table) => table.insert(note('a'))],
  ['replace', (table) => table.replace(note('a'), 'W/"1"')],
  ['remove', (table) => table.remove({ partition: 't1', row: 'a' }, 'W/"1"')],
  ['commit', (table) => table.commit([{ insert: note('a') }])],
  ['range', (table) => table.range('t1', 'a', '', 10)],
  ['page', (table) => table.page('t1', 10)],
  ['scan', (table) => table.scan('open eq true')[Symbol.asyncIterator]().next()],
];

describe.each(operations)('%s', (operation, act) => {
  test('of a table that is missing throws', async () => {
    const table = openTables(azurite.connectionString)('nowhere', codec);
    await expect(act(table)).rejects.toThrow(InfrastructureError);
    await expect(act(table)).rejects.toMatchObject({
      part: 'tables',
      message: `tables: ${operation} nowhere failed`,
    });
  });

  test('of a service that is gone throws, soon', async () => {
    const started = performance.now();
    await expect(act(openTables(gone.connectionString)('notes', codec))).rejects.toThrow(InfrastructureError);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test.each([
    [404, 'text/html', '<h1>Not Found</h1>', 'something else answers at this address'],
    [404, 'application/json', '{}', 'something else answers at this address'],
    [409, 'application/json', errorOf('TableBeingDeleted'), 'the table is going'],
    [409, 'text/plain', 'conflict', 'something else answers at this address'],
    [412, 'text/plain', 'no', 'something else answers at this address'],
    [400, 'application/json', errorOf('InvalidInput'), 'the question is wrong'],
    [403, 'application/json', errorOf('AuthenticationFailed'), 'the key is wrong'],
    [403, 'application/json', errorOf('AuthorizationFailure'), 'the firewall is closed'],
  ])('answered with %i %s %s throws: %s', async (status, type, body) => {
    const connection = await serviceThat((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    await expect(act(openTables(connection)('notes', codec))).rejects.toThrow(InfrastructureError);
  });

  test('that is not answered at all throws, and waits no longer than a caller does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked = Promise.withResolvers<undefined>();
    const connection = await serviceThat(() => {
      asked.resolve(undefined);
    });
    const outcome = act(openTables(connection)('notes', codec)).catch((error: unknown) => error);
    await asked.promise;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await outcome).toBeInstanceOf(InfrastructureError);
  });
});

function errorOf(code: string): string {
  return JSON.stringify({ 'odata.error': { code, message: { lang: 'en-US', value: code } } });
}
