import { describe, expect, test } from 'vitest';
import { readItem } from '../../../shared/gateway/catalogue/readItem.ts';
import { boundLeftOut, readList, repairPage } from '../../../shared/gateway/catalogue/readLists.ts';
import { createRoom } from '../../../shared/gateway/catalogue/room.ts';
import { isObject } from '../../../shared/gateway/protocol/jsonRpc.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';

const BIG = '725653563933458432';

/** The page of a list as it comes from a server. */
function page(text: string) {
  const value = parseExactJson(text);
  if (!isObject(value)) throw new Error('an object is expected');
  return value;
}

describe('an item with numbers that a double would change', () => {
  test.each<['tools' | 'prompts' | 'resources', string, string]>([
    [
      'tools',
      `{"name":${BIG},"title":1.0,"description":1e400,"inputSchema":{"type":"object"}}`,
      `{"name":"${BIG}","title":"1.0","description":"1e400","inputSchema":{"type":"object"}}`,
    ],
    [
      'tools',
      '{"name":"a","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":1.0,"idempotentHint":0.0,"openWorldHint":2.0}}',
      '{"name":"a","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"idempotentHint":false}}',
    ],
    ['tools', '{"name":"a","inputSchema":{"type":"object","properties":{"n":1.0}}}', 'left out'],
    [
      'prompts',
      '{"name":"p","arguments":[{"name":"a","title":1.50,"required":1.0}]}',
      '{"name":"p","arguments":[{"name":"a","title":"1.50","required":true}]}',
    ],
    [
      'resources',
      '{"uri":"test://a","name":"r","size":1.0,"annotations":{"priority":0.50}}',
      '{"uri":"test://a","name":"r","size":1.0,"annotations":{"priority":0.50}}',
    ],
    [
      'resources',
      '{"uri":"test://a","name":"r","size":-1.0,"annotations":{"priority":1.50}}',
      '{"uri":"test://a","name":"r","annotations":{}}',
    ],
  ])('of %s: %s becomes %s', (list, sent, expected) => {
    const read = readItem(list, parseExactJson(sent), 0);
    expect('item' in read ? JSON.stringify(read.item) : 'left out').toBe(expected);
  });
});

describe('a cursor that is a number', () => {
  test('leads to the next page with its own digits', async () => {
    const asked: unknown[] = [];
    const pages = [`{"prompts":[{"name":"a"}],"nextCursor":${BIG}}`, '{"prompts":[{"name":"b"}]}'];
    const ask = (_: string, params: object) => {
      asked.push(params);
      return Promise.resolve(page(pages[asked.length - 1] ?? '{}'));
    };
    const { items } = await readList({ ask, endsWithEmptyCursor: false }, 'prompts', createRoom());
    expect(items.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(asked).toEqual([{}, { cursor: BIG }]);
  });

  test.each([
    [BIG, `"${BIG}"`],
    ['2', '"2"'],
    ['""', '""'],
    ['null', undefined],
    ['{}', undefined],
  ])('of %s reaches clients as %s', (sent, expected) => {
    const { nextCursor } = repairPage('prompts', page(`{"prompts":[],"nextCursor":${sent}}`));
    expect(JSON.stringify(nextCursor)).toBe(expected);
  });
});

describe('an item with 500,000 parts that clients cannot read', () => {
  const icons = Array.from({ length: 500_000 }, () => 7);

  test('is listed without them, and the record names the first hundred', async () => {
    const tool = { name: 'a', icons, inputSchema: { type: 'object' } };
    const ask = () => Promise.resolve({ tools: [tool, { name: 'b' }] });
    const found = await readList({ ask, endsWithEmptyCursor: false }, 'tools', createRoom());
    expect(found.items.map(({ name }) => name)).toEqual(['a', 'b']);
    const leftOut = boundLeftOut(found.leftOut);
    expect(leftOut).toHaveLength(101);
    expect(leftOut[99]).toMatchObject({ item: 'a', field: 'icons.99' });
  });

  test('is left out where a decisive field comes after them', () => {
    const read = readItem('tools', { name: 'a', icons, inputSchema: 'odd' }, 0);
    expect(read).toMatchObject({
      leftOut: [{ item: 'a', reason: expect.stringContaining('"inputSchema"') as string }],
    });
  });
});
