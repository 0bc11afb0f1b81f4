import { setTimeout as wait } from 'node:timers/promises';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { describe, expect, test } from 'vitest';
import { createSettlementQueue } from '../../../../functions-host/src/settlementQueue.ts';
import { one, type OpenQueue } from './namespace.ts';

export function settlingContract(openQueue: OpenQueue, lockSeconds: number): void {
  describe('settlement', () => {
    test('what is completed is gone', async () => {
      const { sender, receiver, peekAll } = await openQueue();
      await sender.sendMessages({ body: 1 });
      await receiver.completeMessage(await one(receiver));
      expect(await peekAll()).toEqual([]);
    });

    test('what is abandoned comes again at once, counted and with its new properties', async () => {
      const { sender, receiver } = await openQueue();
      await sender.sendMessages({ body: 1, applicationProperties: { kept: 1, changed: 'old' } });
      await receiver.abandonMessage(await one(receiver), { changed: 'new', added: true });
      expect(await one(receiver)).toMatchObject({
        deliveryCount: 1,
        applicationProperties: { kept: 1, changed: 'new', added: true },
      });
    });

    test('what is dead-lettered is read from the dead-letter queue, with reason and properties', async () => {
      const { sender, receiver, deadLetters } = await openQueue();
      await sender.sendMessages({ body: 1, messageId: 'm1' });
      const reason = { deadLetterReason: 'bad', deadLetterErrorDescription: 'no such server' };
      await receiver.deadLetterMessage(await one(receiver), { ...reason, server: 'x' });
      const dead = await one(deadLetters);
      expect(dead).toMatchObject({
        body: 1,
        messageId: 'm1',
        ...reason,
        applicationProperties: { server: 'x' },
      });
      await deadLetters.completeMessage(dead);
      expect(await deadLetters.peekMessages(1)).toEqual([]);
    });

    test('a message that fails as often as it may be delivered is dead-lettered', async () => {
      const { sender, receiver, deadLetters } = await openQueue({ maxDeliveryCount: 3 });
      await sender.sendMessages({ body: 1 });
      for (const deliveryCount of [0, 1, 2]) {
        const received = await one(receiver);
        expect(received.deliveryCount).toBe(deliveryCount);
        await receiver.abandonMessage(received);
      }
      expect((await one(deadLetters)).deadLetterReason).toBe('MaxDeliveryCountExceeded');
    });

    test('a message that is received and deleted needs no settlement', async () => {
      const { sender, another, peekAll } = await openQueue();
      await sender.sendMessages([{ body: 1 }, { body: 2 }]);
      expect((await one(another('receiveAndDelete'))).body).toBe(1);
      expect((await peekAll()).map(({ body }) => body as number)).toEqual([2]);
    });

    test('outcomes that differ are each obeyed when they are started one after another', async () => {
      const { sender, receiver, deadLetters, peekAll } = await openQueue();
      const bodies = Array.from({ length: 60 }, (_, index) => index);
      await sender.sendMessages(bodies.map((body) => ({ body })));
      const received = await receiver.receiveMessages(bodies.length);
      const settle = createSettlementQueue();
      await Promise.all(
        received.map((message, index) =>
          settle(() => {
            if (index % 3 === 0) return receiver.completeMessage(message);
            if (index % 3 === 1) return receiver.abandonMessage(message);
            return receiver.deadLetterMessage(message, {
              deadLetterReason: `reason ${index}`,
              deadLetterErrorDescription: 'one of three',
            });
          }),
        ),
      );
      const left = await peekAll();
      expect(left.map(({ body }) => body as number)).toEqual(bodies.filter((body) => body % 3 === 1));
      const dead = await deadLetters.receiveMessages(20);
      expect(new Map(dead.map(({ body, deadLetterReason }) => [body as number, deadLetterReason]))).toEqual(
        new Map(bodies.filter((body) => body % 3 === 2).map((body) => [body, `reason ${body}`])),
      );
    });

    test('a lock that was lost is told for its own message and not for its neighbours', async () => {
      const { sender, receiver, another } = await openQueue({ lockDurationSeconds: lockSeconds });
      await sender.sendMessages([{ body: 'kept' }, { body: 'lost' }, { body: 'kept too' }]);
      const [kept, lost, keptToo] = await receiver.receiveMessages(3);
      if (!kept || !lost || !keptToo) throw new Error('not received');
      const again = one(another(), 20_000);
      let redelivered: ServiceBusReceivedMessage | undefined;
      while (!redelivered) {
        await Promise.all([receiver.renewMessageLock(kept), receiver.renewMessageLock(keptToo)]);
        redelivered = await Promise.race([again, wait(100, undefined)]);
      }
      expect(redelivered.body).toBe('lost');
      const outcomes = await Promise.allSettled(
        [kept, lost, keptToo].map((message) => receiver.completeMessage(message)),
      );
      expect(outcomes).toMatchObject([
        { status: 'fulfilled' },
        { status: 'rejected', reason: { code: 'MessageLockLost' } },
        { status: 'fulfilled' },
      ]);
    });
  });

  describe('settlement by lock token, when the receiver has been closed', () => {
    test('complete', async () => {
      const { sender, receiver, another, peekAll } = await openQueue();
      await sender.sendMessages({ body: 1 });
      const received = await one(receiver);
      await receiver.close();
      await another().completeMessage(received);
      expect(await peekAll()).toEqual([]);
    });

    test('abandon, with properties', async () => {
      const { sender, receiver, another } = await openQueue();
      await sender.sendMessages({ body: 1 });
      const received = await one(receiver);
      await receiver.close();
      const other = another();
      await other.abandonMessage(received, { why: 'closed' });
      expect(await one(other)).toMatchObject({
        deliveryCount: 1,
        applicationProperties: { why: 'closed' },
      });
    });

    test('dead-letter, with a reason', async () => {
      const { sender, receiver, deadLetters, another } = await openQueue();
      await sender.sendMessages({ body: 1 });
      const received = await one(receiver);
      await receiver.close();
      const reason = { deadLetterReason: 'closed', deadLetterErrorDescription: 'the receiver was' };
      await another().deadLetterMessage(received, { ...reason, more: 1 });
      expect(await one(deadLetters)).toMatchObject({ ...reason, applicationProperties: { more: 1 } });
    });

    test('a lock that is lost is told', async () => {
      const { sender, receiver, another } = await openQueue({ lockDurationSeconds: lockSeconds });
      await sender.sendMessages({ body: 1 });
      const received = await one(receiver);
      await receiver.close();
      const other = another();
      await one(other, 20_000);
      await expect(other.completeMessage(received)).rejects.toMatchObject({ code: 'MessageLockLost' });
    });
  });
}
