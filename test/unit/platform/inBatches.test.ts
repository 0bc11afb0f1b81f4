import { expect, test } from 'vitest';
import { inBatches } from '../../../shared/platform/concurrency/inBatches.ts';

/** A function in batches by the first letter. Each batch is handled when the test says so. */
function scene(most?: number) {
  const batches: { readonly items: readonly string[]; readonly end: PromiseWithResolvers<string> }[] = [];
  const call = inBatches(
    (item: string) => item.slice(0, 1),
    (items) => {
      const end = Promise.withResolvers<string>();
      batches.push({ items: [...items], end });
      return end.promise;
    },
    most,
  );
  const turn = () => new Promise(setImmediate);
  return { call, turn, batches, items: () => batches.map((batch) => batch.items) };
}

test('calls that come while a batch is handled are handled together after it', async () => {
  const { call, turn, batches, items } = scene();
  const first = [call('a1'), call('a2')];
  await turn();
  const later = [call('a3'), call('a4')];
  await turn();
  expect(items()).toEqual([['a1', 'a2']]);
  batches[0]?.end.resolve('one');
  expect(await Promise.all(first)).toEqual(['one', 'one']);
  await turn();
  later.push(call('a5'));
  await turn();
  expect(items()).toEqual([
    ['a1', 'a2'],
    ['a3', 'a4'],
  ]);
  batches[1]?.end.resolve('two');
  await turn();
  expect(items()).toEqual([['a1', 'a2'], ['a3', 'a4'], ['a5']]);
  batches[2]?.end.resolve('three');
  expect(await Promise.all(later)).toEqual(['two', 'two', 'three']);
});

test('a call of another key does not wait', async () => {
  const { call, turn, items } = scene();
  void call('a1');
  await turn();
  void call('b1');
  await turn();
  expect(items()).toEqual([['a1'], ['b1']]);
});

test('a batch that fails fails its own calls alone', async () => {
  const { call, turn, batches } = scene();
  const first = call('a1');
  await turn();
  const second = call('a2');
  batches[0]?.end.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await turn();
  batches[1]?.end.resolve('two');
  expect(await second).toBe('two');
});

test('a batch is no larger than it may be', async () => {
  const { call, turn, batches, items } = scene(2);
  const all = ['a1', 'a2', 'a3', 'a4', 'a5'].map(call);
  for (let n = 0; n < 3; n++) {
    await turn();
    batches[n]?.end.resolve(String(n));
  }
  expect(await Promise.all(all)).toEqual(['0', '0', '1', '1', '2']);
  expect(items()).toEqual([['a1', 'a2'], ['a3', 'a4'], ['a5']]);
});
