import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeRows, type Packed, type Source } from '../../../shared/audit/journal/mergeRows.ts';
import { MAX_EXAMINED } from '../../../shared/audit/limits.ts';

const all = { above: 'r', below: 's' };
const keyOf = (number: number): string => `r${String(number).padStart(8, '0')}`;
const rowOf = (key: string) => ({ key, document: key });

/** Returns a source whose packed rows hold these keys, and how many of them were opened. */
function sourceOf(packed: readonly (readonly string[])[], pageSize: number) {
  const opened = { count: 0 };
  const ordered = packed.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
  async function* pages(): AsyncGenerator<Packed[]> {
    for (let start = 0; start < ordered.length; start += pageSize) {
      await Promise.resolve();
      yield ordered.slice(start, start + pageSize).map((keys) => ({
        key: keys[0] ?? '',
        open() {
          opened.count += 1;
          return keys.map((key) => ({ key, row: rowOf(key) }));
        },
      }));
    }
  }
  const source: Source = pages();
  return { source, opened };
}

test('blocks that overlap in time are one list in the order of keys, in pages of any length', async () => {
  const placed = fc.tuple(fc.nat(3), fc.nat(5));
  await fc.assert(
    fc.asyncProperty(
      fc.array(placed, { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 4 }),
      async (places, limit, pageSize) => {
        const keys = places.map((_, index) => keyOf(index));
        const sources = () =>
          [0, 1, 2, 3].map((shard) => {
            const blocks = Map.groupBy(
              keys.filter((_, index) => places[index]?.[0] === shard),
              (key) => places[keys.indexOf(key)]?.[1],
            );
            return sourceOf([...blocks.values()], pageSize).source;
          });
        const found: string[] = [];
        let after: string | undefined;
        do {
          const page = await mergeRows(sources(), { ...all, above: after ?? 'r' }, limit);
          expect(page.rows.length).toBeLessThanOrEqual(limit);
          found.push(...page.rows.map(({ key }) => key));
          after = page.after;
        } while (after !== undefined);
        expect(found).toEqual(keys);
      },
    ),
  );
});

test('a page opens only the blocks that its rows are in, and those that overlap with them', async () => {
  const blocks = Array.from({ length: 50 }, (_, block) =>
    Array.from({ length: 10 }, (_unused, index) => keyOf(block * 10 + index)),
  );
  const { source, opened } = sourceOf(blocks, 50);
  const page = await mergeRows([source], all, 15);
  expect(page).toMatchObject({ after: keyOf(14) });
  expect(opened.count).toBe(2);
});

test('a page that finds nothing ends after a bound, and names where to continue', async () => {
  let opened = 0;
  const packed = Array.from({ length: 3 * MAX_EXAMINED }, (_, index): Packed => ({
    key: keyOf(index),
    open: () => ((opened += 1), [{ key: keyOf(index) }]),
  }));
  const from = (above: string): Source =>
    [packed.filter(({ key }) => key > above)].values() as unknown as Source;
  const page = await mergeRows([from('r')], all, 5);
  expect(page.rows).toEqual([]);
  expect(opened).toBe(MAX_EXAMINED + 5);
  expect(page.after).toBe(keyOf(opened - 1));
});

test('two rows with one key are on one page', async () => {
  const copies = [sourceOf([[keyOf(1)], [keyOf(2)]], 5).source, sourceOf([[keyOf(1)]], 5).source];
  const page = await mergeRows(copies, all, 1);
  expect(page.rows.map(({ key }) => key)).toEqual([keyOf(1), keyOf(1)]);
  expect(page.after).toBe(keyOf(1));
});
