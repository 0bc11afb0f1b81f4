import { expect, test } from 'vitest';
import { lazily } from '../../../shared/platform/base/lazily.ts';

test('first calls in parallel load once, and later calls have the same', async () => {
  let loads = 0;
  const open = lazily(() => Promise.resolve({ load: ++loads }));
  const [one, two] = await Promise.all([open(), open()]);
  expect(one).toBe(two);
  expect(await open()).toBe(one);
  expect(loads).toBe(1);
});

test('a failure reaches every call that waits for it, and the next call loads again', async () => {
  let loads = 0;
  const open = lazily(() => (++loads === 1 ? Promise.reject(new Error('EMFILE')) : Promise.resolve(loads)));
  const outcomes = await Promise.allSettled([open(), open()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await open()).toBe(2);
});
