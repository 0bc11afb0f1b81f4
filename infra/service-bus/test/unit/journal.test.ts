import { writeSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type JournalOptions, openJournal } from '../../src/journal.ts';
import type { WireMessage } from '../../src/messageCodec.ts';
import { Queue } from '../../src/queue.ts';
import { QUEUE_SETTINGS } from '../support/clockedQueue.ts';
import { ManualClock } from '../support/manualClock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(() => rm(folder, { recursive: true }));

const message = (messageId: string): WireMessage => ({
  messageId,
  header: Buffer.from([0x40, 0x40]),
  annotations: { count: 0, bytes: Buffer.alloc(0) },
  bare: Buffer.from(messageId.repeat(20)),
});

async function openQueue(slackBytes?: number, write?: JournalOptions['write']) {
  const options = { ...(slackBytes !== undefined && { slackBytes }), ...(write && { write }) };
  const journal = await openJournal(join(folder, 'journal'), options);
  const clock = new ManualClock();
  const deadLetters = new Queue<WireMessage>('q/dead', QUEUE_SETTINGS, clock);
  const queue = new Queue(
    'q',
    { ...QUEUE_SETTINGS, duplicateDetectionWindowSeconds: 1 },
    clock,
    deadLetters,
    journal.logFor('q'),
  );
  const state = journal.states.get('q');
  if (state) queue.restore(state);
  journal.begin(() => [['q', queue.state()]]);
  return { queue, journal, clock };
}

test('a file that outgrows its queue is rewritten, and holds the same queue', async () => {
  const slackBytes = 20_000;
  const { queue, journal, clock } = await openQueue(slackBytes);
  queue.enqueue([message('kept')]);
  let largest = 0;
  for (let count = 0; count < 500; count += 1) {
    clock.advance(2_000);
    queue.enqueue([message(`m${count}`)]);
    // The kept message is taken and released, the other one is completed.
    const tokens: string[] = [];
    const consumer = {
      receiveAndDelete: false,
      capacity: () => 2 - tokens.length,
      deliver: ({ lock }: { readonly lock: { readonly token: string } | undefined }) =>
        tokens.push(lock?.token ?? ''),
    };
    queue.attach(consumer);
    queue.detach(consumer);
    queue.release(tokens[0] ?? '');
    expect(queue.complete(tokens[1] ?? '')).toBe('settled');
    await nextTurn();
    largest = Math.max(largest, (await stat(join(folder, 'journal'))).size);
  }
  journal.close();
  expect(largest).toBeGreaterThan(slackBytes);
  expect(largest).toBeLessThan(2 * slackBytes);
  const reopened = await openQueue(slackBytes);
  expect(reopened.queue.state().messages).toMatchObject([{ id: 1, message: message('kept') }]);
  expect(reopened.queue.state().nextSequenceNumber).toBe(queue.state().nextSequenceNumber);
  reopened.journal.close();
});

const idsIn = ({ queue }: Awaited<ReturnType<typeof openQueue>>) =>
  queue.state().messages.map(({ message: { messageId } }) => messageId);

test('a write that fails halfway loses no message that is accepted before or after it', async () => {
  let fails = false;
  const first = await openQueue(undefined, (descriptor, bytes, offset) => {
    if (fails && offset > 0) throw new Error('no space left on the device');
    return writeSync(descriptor, bytes, offset, fails ? 20 : undefined);
  });
  first.queue.enqueue([message('before')]);
  fails = true;
  expect(() => first.queue.enqueue([message('during')])).toThrow('no space left');
  expect(() => first.queue.enqueue([message('still during')])).toThrow('no space left');
  fails = false;
  first.queue.enqueue([message('during')]);
  first.queue.enqueue([message('after')]);
  first.journal.close();
  const reopened = await openQueue();
  expect(idsIn(reopened)).toEqual(['before', 'during', 'still during', 'after']);
  reopened.journal.close();
});

test.each(['a\u2028b', 'a\u2029b', 'a\u0085b', 'a\r\nb'])('a message id may be %j', async (messageId) => {
  const first = await openQueue();
  first.queue.enqueue([message(messageId)]);
  first.queue.enqueue([message('next')]);
  first.journal.close();
  const reopened = await openQueue();
  expect(idsIn(reopened)).toEqual([messageId, 'next']);
  reopened.journal.close();
});
