import { expect, test } from 'vitest';
import { roundRobin } from '../../../shared/platform/concurrency/roundRobin.ts';

async function* items(name: string, count: number, onEnd: () => void = () => undefined) {
  try {
    for (let n = 1; n <= count; n++) {
      await Promise.resolve();
      yield `${name}${n}`;
    }
  } finally {
    onEnd();
  }
}

test('each source has one item in turn, until all have ended', async () => {
  const all = await Array.fromAsync(roundRobin([items('a', 4), items('b', 1), items('c', 2)]));
  expect(all).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4']);
});

test('whoever stops early ends the sources', async () => {
  const ended: string[] = [];
  for await (const item of roundRobin([
    items('a', 9, () => ended.push('a')),
    items('b', 9, () => ended.push('b')),
  ])) {
    if (item === 'b1') break;
  }
  expect(ended.sort()).toEqual(['a', 'b']);
});
