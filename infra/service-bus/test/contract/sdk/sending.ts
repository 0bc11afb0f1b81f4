import { setTimeout as wait } from 'node:timers/promises';
import type { ServiceBusMessage } from '@azure/service-bus';
import { describe, expect, test } from 'vitest';
import { one, type OpenQueue } from './namespace.ts';

export function sendingContract(openQueue: OpenQueue): void {
  describe('sending', () => {
    test.each([
      { body: { nested: [1, 'two', null] } },
      { body: 'text' },
      { body: Buffer.from([0, 1, 255]) },
      { body: 12.5 },
      { body: [] },
      { body: 'x'.repeat(200_000) },
    ])('a message arrives as it was sent, with what the broker adds', async ({ body }) => {
      const { sender, receiver } = await openQueue();
      const sent: ServiceBusMessage = {
        body,
        messageId: 'm1',
        subject: 'subject',
        contentType: 'application/json',
        correlationId: 'c1',
        replyTo: 'elsewhere',
        to: 'someone',
        applicationProperties: { text: 't', count: 5, share: 0.5, yes: true },
      };
      const sentAt = Date.now();
      await sender.sendMessages(sent);
      const received = await one(receiver);
      expect(received).toMatchObject({ ...sent, deliveryCount: 0, state: 'active' });
      expect(Number(received.sequenceNumber)).toBeGreaterThan(0);
      expect(Math.abs(Number(received.enqueuedTimeUtc) - sentAt)).toBeLessThan(10_000);
      expect(Number(received.lockedUntilUtc)).toBeGreaterThan(sentAt + 30_000);
    });

    test('the messages of a batch arrive in its order', async () => {
      const { sender, receiver } = await openQueue();
      await sender.sendMessages(['a', 'b', 'c'].map((body) => ({ body })));
      const received = await receiver.receiveMessages(3);
      expect(received.map(({ body }) => body as string)).toEqual(['a', 'b', 'c']);
      expect(new Set(received.map(({ messageId }) => messageId)).size).toBe(3);
    });

    test('a batch says how much fits', async () => {
      const { sender } = await openQueue();
      const batch = await sender.createMessageBatch();
      expect(batch.maxSizeInBytes).toBeGreaterThanOrEqual(262_144);
      expect(batch.tryAddMessage({ body: Buffer.alloc(batch.maxSizeInBytes) })).toBe(false);
    });

    test('an id is taken once within the duplicate detection window', async () => {
      const { sender, receiver } = await openQueue({ duplicateDetectionWindowSeconds: 60 });
      await sender.sendMessages({ messageId: 'same', body: 1 });
      await sender.sendMessages({ messageId: 'same', body: 2 });
      await sender.sendMessages([
        { messageId: 'other', body: 3 },
        { messageId: 'same', body: 4 },
      ]);
      const seen = await receiver.peekMessages(10);
      expect(seen.map(({ body }) => body as number)).toEqual([1, 3]);
    });
  });

  describe('schedules', () => {
    test('a scheduled message is peeked at once and received when its time has come', async () => {
      const { sender, receiver } = await openQueue();
      const dueAt = new Date(Date.now() + 1_500);
      await sender.sendMessages({ body: 'later', scheduledEnqueueTimeUtc: dueAt });
      const [peeked] = await receiver.peekMessages(1);
      expect(peeked).toMatchObject({ body: 'later', state: 'scheduled', scheduledEnqueueTimeUtc: dueAt });
      const received = await one(receiver, 20_000);
      expect(received.body).toBe('later');
      expect(Date.now()).toBeGreaterThanOrEqual(dueAt.getTime() - 50);
    });

    test('a schedule can be cancelled by its number, once', async () => {
      const { sender, receiver } = await openQueue();
      const tomorrow = new Date(Date.now() + 86_400_000);
      const numbers = await sender.scheduleMessages([{ body: 1 }, { body: 2 }], tomorrow);
      const [first] = numbers;
      if (!first) throw new Error('no number');
      await sender.cancelScheduledMessages(first);
      expect((await receiver.peekMessages(10)).map(({ body }) => body as number)).toEqual([2]);
      await expect(sender.cancelScheduledMessages(first)).rejects.toMatchObject({
        code: 'MessageNotFound',
      });
    });
  });

  describe('time to live', () => {
    test('an expired message is not received', async () => {
      const { sender, receiver } = await openQueue();
      await sender.sendMessages({ body: 'short', timeToLive: 1_000 });
      await sender.sendMessages({ body: 'long' });
      await wait(1_500);
      expect((await one(receiver)).body).toBe('long');
    });

    test('an expired message is dead-lettered when the queue says so', async () => {
      const { sender, receiver, deadLetters } = await openQueue({ deadLetterOnExpiration: true });
      await sender.sendMessages({ body: 'short', timeToLive: 1_000 });
      await wait(1_500);
      // Azure removes expired messages when a client receives.
      expect(await receiver.receiveMessages(1, { maxWaitTimeInMs: 100 })).toEqual([]);
      const dead = await one(deadLetters, 20_000);
      expect(dead.deadLetterReason).toBe('TTLExpiredException');
    });
  });
}
