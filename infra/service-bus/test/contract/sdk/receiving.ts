import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createSettlementQueue } from '../../../../functions-host/src/settlementQueue.ts';
import { one, type OpenQueue } from './namespace.ts';

export function receivingContract(openQueue: OpenQueue, lockSeconds: number): void {
  describe('receiving', () => {
    test('a receiver that found nothing receives what comes later', async () => {
      const { sender, receiver } = await openQueue();
      expect(await receiver.receiveMessages(5, { maxWaitTimeInMs: 200 })).toEqual([]);
      const later = one(receiver);
      await sender.sendMessages({ body: 1 });
      expect((await later).body).toBe(1);
    });

    test('fewer messages than asked for are returned, and the next receive gets the next ones', async () => {
      const { sender, receiver } = await openQueue();
      await sender.sendMessages([{ body: 1 }, { body: 2 }]);
      const first = await receiver.receiveMessages(10, { maxWaitTimeInMs: 2_000 });
      await sender.sendMessages({ body: 3 });
      const second = await one(receiver);
      expect([...first, second].map(({ body }) => body as number)).toEqual([1, 2, 3]);
    });

    test('a subscription handles every message once, and no more at a time than it is allowed to', async () => {
      const { sender, receiver } = await openQueue();
      const settle = createSettlementQueue();
      const handled: number[] = [];
      let [running, most] = [0, 0];
      const all = Promise.withResolvers<undefined>();
      receiver.subscribe(
        {
          processMessage: async (received) => {
            most = Math.max(most, ++running);
            await wait(10);
            await settle(() => receiver.completeMessage(received));
            running -= 1;
            if (handled.push(received.body as number) === 30) all.resolve(undefined);
          },
          processError: ({ error }) => {
            all.reject(error);
            return Promise.resolve();
          },
        },
        { autoCompleteMessages: false, maxConcurrentCalls: 4 },
      );
      const bodies = Array.from({ length: 30 }, (_, index) => index);
      await sender.sendMessages(bodies.map((body) => ({ body })));
      await all.promise;
      expect(most).toBe(4);
      expect(handled.toSorted((a, b) => a - b)).toEqual(bodies);
    });

    test('peeking goes through the queue and locks nothing', async () => {
      const { sender, receiver } = await openQueue();
      await sender.sendMessages([1, 2, 3].map((body) => ({ body })));
      const pages = [
        await receiver.peekMessages(2),
        await receiver.peekMessages(2),
        await receiver.peekMessages(2),
      ];
      expect(pages.map((page) => page.map(({ body }) => body as number))).toEqual([[1, 2], [3], []]);
      expect(await receiver.receiveMessages(3)).toHaveLength(3);
    });
  });

  describe('locks', () => {
    test('a message whose lock expires comes again, counted', async () => {
      const { sender, receiver, another } = await openQueue({ lockDurationSeconds: lockSeconds });
      await sender.sendMessages({ body: 1 });
      await one(receiver);
      expect((await one(another(), 20_000)).deliveryCount).toBe(1);
    });

    test('a renewed lock outlives its first duration', async () => {
      const { sender, receiver } = await openQueue({ lockDurationSeconds: lockSeconds });
      await sender.sendMessages({ body: 1 });
      const received = await one(receiver);
      const firstUntil = Number(received.lockedUntilUtc);
      while (Date.now() < firstUntil + 200) {
        expect(Number(await receiver.renewMessageLock(received))).toBeGreaterThan(Date.now());
        await wait(100);
      }
      await receiver.completeMessage(received);
    });

    test('an expired lock cannot be renewed', async () => {
      const { sender, receiver, another } = await openQueue({ lockDurationSeconds: lockSeconds });
      await sender.sendMessages({ body: 1 });
      const received = await one(receiver);
      await one(another(), 20_000);
      await expect(receiver.renewMessageLock(received)).rejects.toMatchObject({ code: 'MessageLockLost' });
    });
  });
}
