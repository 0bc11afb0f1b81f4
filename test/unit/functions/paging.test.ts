import { describe, expect, test } from 'vitest';
import { readPage } from '../../../functions/management/paging.ts';

const rows = Array.from({ length: 250 }, (_, index) => `row-${String(index).padStart(3, '0')}`);
const asked: [limit: number, after: string | undefined][] = [];
const page = (query: string, list = 'rows') =>
  readPage(
    list,
    new URLSearchParams(query),
    (limit, after) => {
      asked.push([limit, after]);
      const from = rows.filter((row) => row > (after ?? ''));
      const items = from.slice(0, limit);
      return Promise.resolve({ items, ...(from.length > limit && { after: items.at(-1) ?? '' }) });
    },
    (row) => ({ row }),
  );

test('pages lead from the first item to the last, each once', async () => {
  const seen: unknown[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page(`limit=100${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    if (!answer.ok) throw new Error(answer.error.message);
    const body = answer.value.body as { items: { row: string }[]; nextCursor?: string };
    seen.push(...body.items.map(({ row }) => row));
    cursor = body.nextCursor;
  } while (cursor !== undefined);
  expect(seen).toEqual(rows);
});

test('a page has thirty items unless told otherwise', async () => {
  asked.length = 0;
  await page('');
  expect(asked).toEqual([[30, undefined]]);
});

test('a cursor leads on in its own list with its own filters alone', async () => {
  const first = await page('state=on&limit=10');
  const { nextCursor } = first.ok ? (first.value.body as { nextCursor: string }) : { nextCursor: '' };
  asked.length = 0;
  const refused = { ok: false, error: { kind: 'invalid', errors: [{ path: 'cursor' }] } };
  expect(await page(`state=on&cursor=${nextCursor}`, 'others')).toMatchObject(refused);
  expect(await page(`state=off&cursor=${nextCursor}`)).toMatchObject(refused);
  expect(await page(`cursor=${nextCursor}`)).toMatchObject(refused);
  expect(asked).toEqual([]);
  expect(await page(`limit=5&state=on&cursor=${nextCursor}`)).toMatchObject({ ok: true });
  expect(asked).toEqual([[5, 'row-009']]);
});

describe('a query that is wrong is told by its name and reads nothing', () => {
  test.each([
    ['limit=0', 'limit', 'too few'],
    ['limit=101', 'limit', 'too many'],
    ['limit=-1', 'limit', 'too few'],
    ['limit=1.5', 'limit', 'no whole number'],
    ['limit=ten', 'limit', 'no number'],
    ['limit=', 'limit', 'nothing'],
    ['limit=NaN', 'limit', 'no number'],
    ['limit=Infinity', 'limit', 'no whole number'],
    ['cursor=', 'cursor', 'nothing'],
    ['cursor=%%%', 'cursor', 'no base64url'],
    [`cursor=${Buffer.from("a' or PartitionKey ne '").toString('base64url')}`, 'cursor', 'a filter'],
    [`cursor=${Buffer.from('a/b').toString('base64url')}`, 'cursor', 'no key of ours'],
    [`cursor=${Buffer.from('a\n').toString('base64url')}`, 'cursor', 'a line break'],
    [`cursor=${Buffer.from('x'.repeat(201)).toString('base64url')}`, 'cursor', 'too long'],
  ])('%s: %s (%s)', async (query, path) => {
    asked.length = 0;
    expect(await page(query)).toMatchObject({ ok: false, error: { kind: 'invalid', errors: [{ path }] } });
    expect(asked).toEqual([]);
  });
});
