import { expect, test } from 'vitest';
import { afterDeath } from '../../../infra/local/restartPolicy.ts';

const SECOND = 1_000;

/** The verdict after each of these deaths, in their order. */
function verdicts(times: readonly number[]): string[] {
  let deaths: readonly number[] = [];
  return times.map((now) => {
    const after = afterDeath(deaths, now);
    deaths = after.deaths;
    return after.verdict;
  });
}

const four = ['restart', 'restart', 'restart', 'restart'];

test.each([
  { why: 'one death', at: [0], becomes: ['restart'] },
  { why: 'five deaths at once', at: [0, 0, 0, 0, 0], becomes: [...four, 'give_up'] },
  { why: 'five deaths just within a minute', at: [0, 15, 30, 45, 59.999], becomes: [...four, 'give_up'] },
  { why: 'the fifth death a minute after the first', at: [0, 15, 30, 45, 60], becomes: [...four, 'restart'] },
  {
    why: 'deaths that are rare enough, without end',
    at: Array.from({ length: 100 }, (_, index) => index * 16),
    becomes: Array.from({ length: 100 }, () => 'restart'),
  },
  {
    why: 'a burst after a long quiet time',
    at: [0, 1, 900, 901, 902, 903, 904],
    becomes: [...four, 'restart', 'restart', 'give_up'],
  },
])('$why', ({ at, becomes }) => {
  expect(verdicts(at.map((seconds) => seconds * SECOND))).toEqual(becomes);
});
