import { expect, test } from 'vitest';
import type { AnswerItem } from '../../../shared/gateway/upstream/answer.ts';
import { passing } from '../../../shared/gateway/upstream/passing.ts';

const note = (method: string): AnswerItem => ({
  kind: 'notification',
  notification: { jsonrpc: '2.0', method },
});
const outcome: AnswerItem = { kind: 'outcome', outcome: { result: {} } };

/** Items that end, or break with an error; `left` tells that their reader left. */
function source(items: readonly AnswerItem[], broken?: Error) {
  const seen = { left: false };
  // eslint-disable-next-line @typescript-eslint/require-await -- a stream that has all at once
  async function* generate(): AsyncGenerator<AnswerItem, void, undefined> {
    try {
      yield* items;
      if (broken) throw broken;
    } finally {
      seen.left = true;
    }
  }
  return { items: generate(), seen };
}

test('an item that the observer drops does not reach the reader, and the next one does', async () => {
  const { items } = source([note('dropped'), note('kept'), outcome]);
  const read: AnswerItem[] = [];
  const isDropped = (item: AnswerItem) =>
    item.kind === 'notification' && item.notification.method === 'dropped';
  for await (const item of passing(items, (item) => (isDropped(item) ? undefined : item))) read.push(item);
  expect(read).toEqual([note('kept'), outcome]);
});

test('the end of the items is told, and their error too', async () => {
  const ends: unknown[] = [];
  const end = (error?: unknown) => void ends.push(error);
  const all = passing(source([outcome]).items, (item) => item, end);
  await all.next();
  expect(ends).toEqual([]);
  expect(await all.next()).toMatchObject({ done: true });
  const broken = new Error('broken');
  await expect(passing(source([], broken).items, (item) => item, end).next()).rejects.toBe(broken);
  expect(ends).toEqual([undefined, broken]);
});

test('a reader that leaves ends the items', async () => {
  const ends: unknown[] = [];
  const { items, seen } = source([note('one'), outcome]);
  const passed = passing(
    items,
    (item) => item,
    (error) => void ends.push(error),
  );
  await passed.next();
  await passed.return();
  expect(seen.left).toBe(true);
  expect(ends).toEqual([undefined]);
});
