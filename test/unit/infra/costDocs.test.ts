import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { costDocs, costDocsFile } from '../../../infra/costs/costDocs.ts';
import { hundredThousandDelegations, millionToolCalls } from '../../../infra/costs/costs.ts';
import priceList from '../../../infra/prices.json' with { type: 'json' };

const { prices } = priceList;
test('docs/operate.md has the costs as prices and quantities give them: else run `npm run docs`', async () => {
  expect(await readFile(costDocsFile, 'utf8')).toBe(await costDocs());
});

test('every price has a date and a source', () => {
  for (const { usd, date, source } of Object.values(prices)) {
    expect(usd).toBeGreaterThan(0);
    expect(new Date(date).getTime()).toBeLessThanOrEqual(Date.now());
    expect(source).toMatch(/^https:\/\/azure\.microsoft\.com\/pricing\//);
  }
});

test('a call shares the second of its instance with the other calls of that second', () => {
  const [alone, at200] = [millionToolCalls('alone', 1), millionToolCalls('at200', 200)];
  expect(alone.compute / at200.compute).toBeCloseTo(200);
  expect(alone.executions).toBe(at200.executions);
});

test('busy instances sample their logs', () => {
  expect(millionToolCalls('at200', 200).logs).toBeLessThan(millionToolCalls('at20', 20).logs);
});

test('the compute of a delegation is that of two executions of a second', () => {
  expect(hundredThousandDelegations().compute).toBeCloseTo(100_000 * 2 * prices.functionsGbSecond.usd * 2);
});
