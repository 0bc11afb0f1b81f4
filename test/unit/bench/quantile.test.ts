import { expect, test } from 'vitest';
import { median, quantile } from '../../bench/quantile.ts';

test.each([
  { values: [3, 1, 2], share: 0.5, expected: 2, why: 'the values need no order' },
  { values: [1, 2, 3, 4], share: 0.5, expected: 2, why: 'half of four values does not exceed the second' },
  { values: [1, 2, 3, 4], share: 0.99, expected: 4, why: 'of few values the last is each high quantile' },
  { values: [1, 2, 3, 4], share: 0, expected: 1, why: 'the lowest value is the lowest quantile' },
  { values: [7], share: 0.999, expected: 7, why: 'one value is each quantile' },
  { values: [], share: 0.5, expected: Number.NaN, why: 'no value has no quantile' },
])('$share of $values is $expected: $why', ({ values, share, expected }) => {
  expect(quantile(values, share)).toBe(expected);
});

test('one in a hundred values exceeds the quantile of 0.99', () => {
  const values = Array.from({ length: 1_000 }, (_, index) => index);
  expect(values.filter((value) => value > quantile(values, 0.99))).toHaveLength(10);
});

test('the median of an even number of rounds lies between the two in the middle', () => {
  expect(median([10, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([])).toBeNaN();
});
