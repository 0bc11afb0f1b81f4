import { expect, test } from 'vitest';
import { createRowIds, timeDigits } from '../../../shared/orchestration/model/rowIds.ts';

test('ids are 32 hexadecimal digits, differ within a millisecond, and sort the newest first after the first digit', () => {
  let ms = Date.UTC(2026, 0, 1);
  const newId = createRowIds({ now: () => new Date(ms) });
  const ids = Array.from({ length: 2_000 }, (_, index) => {
    if (index % 2 === 0) ms += 1;
    return newId();
  });
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(ids.map((id) => id.slice(12))).size).toBe(ids.length);
  const times = ids.map((id) => id.slice(1, 12));
  expect(times).toEqual(times.toSorted().toReversed());
  expect(new Set(ids.map((id) => id.slice(0, 1))).size).toBe(16);
});

test.each([
  [Date.UTC(2061, 0, 1), '00000000000', 'after the last moment'],
  [0, '29545956000', 'the beginning of time'],
])('the time %i is %s: %s', (ms, digits) => {
  expect(timeDigits(new Date(ms))).toBe(digits);
});
