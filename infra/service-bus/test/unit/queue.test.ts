import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { deadLetterReason } from '../../src/message.ts';
import type { QueueSettings } from '../../src/queue.ts';
import { DAY, openClockedQueue, QUEUE_SETTINGS, SECOND, TestReceiver } from '../support/clockedQueue.ts';

let { clock, queue, deadLetters, send, receive } = openClockedQueue();

function openQueue(settings?: Partial<QueueSettings>): void {
  ({ clock, queue, deadLetters, send, receive } = openClockedQueue(settings));
}

beforeEach(() => {
  openQueue();
});

describe('delivery', () => {
  test('messages come in the order in which they were sent', () => {
    send('a', 'b', 'c');
    expect(receive(3).ids).toEqual(['a', 'b', 'c']);
  });

  test('a receiver never gets more than it has capacity for, and the rest waits', () => {
    send('a', 'b', 'c');
    const receiver = receive(2);
    expect(receiver.ids).toEqual(['a', 'b']);
    expect(queue.counts()).toEqual({ ready: 1, locked: 2, scheduled: 0 });
    receiver.ask(1);
    queue.dispatch();
    expect(receiver.ids).toEqual(['a', 'b', 'c']);
  });

  test('a message sent while a receiver waits reaches it at once', () => {
    const receiver = receive(1);
    send('a');
    expect(receiver.ids).toEqual(['a']);
  });

  test('receivers with capacity take turns', () => {
    const [first, full, second] = [receive(2), receive(0), receive(2)];
    send('a', 'b', 'c', 'd');
    expect([first.ids, full.ids, second.ids]).toEqual([['a', 'c'], [], ['b', 'd']]);
  });

  test('a receiver that is gone gets nothing more, and what it holds stays locked', () => {
    send('a');
    const receiver = receive(2);
    queue.detach(receiver);
    send('b');
    expect(receiver.ids).toEqual(['a']);
    expect(queue.counts()).toEqual({ ready: 1, locked: 1, scheduled: 0 });
  });

  test('receive-and-delete completes with the delivery', () => {
    send('a');
    const receiver = receive(1, queue, new TestReceiver({ receiveAndDelete: true }));
    expect(receiver.received[0]?.lock).toBeUndefined();
    expect(queue.counts()).toEqual({ ready: 0, locked: 0, scheduled: 0 });
  });
});

describe('settlement', () => {
  test('a completed message never comes again, and its lock is lost', () => {
    send('a');
    const receiver = receive(2);
    expect(queue.complete(receiver.token)).toBe('settled');
    clock.advance(DAY);
    expect(receiver.ids).toEqual(['a']);
    expect(queue.complete(receiver.token)).toBe('lock_lost');
  });

  test('an abandoned message comes again at once, before younger ones, counted and with its new properties', () => {
    send('a', 'b');
    const receiver = receive(1);
    receiver.ask(1);
    queue.abandon(receiver.token, new Map([['why', 'busy']]));
    expect(receiver.ids).toEqual(['a', 'a']);
    expect(receiver.received.map(({ deliveryCount }) => deliveryCount)).toEqual([0, 1]);
    expect(receiver.received[1]?.properties).toEqual(new Map([['why', 'busy']]));
    expect(receiver.received[1]?.sequenceNumber).toBe(receiver.received[0]?.sequenceNumber);
  });

  test('a released message comes again and is not counted', () => {
    send('a');
    const receiver = receive(1);
    receiver.ask(1);
    queue.release(receiver.token);
    expect(receiver.received.map(({ deliveryCount }) => deliveryCount)).toEqual([0, 0]);
  });

  test.each(['complete', 'abandon', 'release', 'deadLetter', 'renewLock'] as const)(
    '%s with a token that nobody holds changes nothing',
    (operation) => {
      send('a');
      receive(1);
      const outcome = queue[operation]('00000000-0000-0000-0000-000000000000', new Map());
      expect(outcome).toBe(operation === 'renewLock' ? undefined : 'lock_lost');
      expect(queue.counts()).toEqual({ ready: 0, locked: 1, scheduled: 0 });
    },
  );

  test('each delivery has a token of its own, and the one before it is lost', () => {
    send('a');
    const receiver = receive(2);
    const firstToken = receiver.token;
    queue.abandon(firstToken);
    expect(receiver.token).not.toBe(firstToken);
    expect(queue.complete(firstToken)).toBe('lock_lost');
    expect(queue.complete(receiver.token)).toBe('settled');
  });
});

describe('locks', () => {
  test('a lock that expires brings the message again, counted, and is lost', () => {
    send('a');
    const receiver = receive(2);
    const firstToken = receiver.token;
    clock.advance(30 * SECOND - 1);
    expect(receiver.ids).toEqual(['a']);
    clock.advance(1);
    expect(receiver.received.map(({ deliveryCount }) => deliveryCount)).toEqual([0, 1]);
    expect(queue.complete(firstToken)).toBe('lock_lost');
  });

  test('a renewed lock holds for its full duration again', () => {
    send('a');
    const receiver = receive(2);
    clock.advance(20 * SECOND);
    expect(queue.renewLock(receiver.token)).toBe(clock.now() + 30 * SECOND);
    clock.advance(29 * SECOND);
    expect(queue.complete(receiver.token)).toBe('settled');
    expect(queue.counts().locked).toBe(0);
  });

  test('the clock decides whether a lock is lost, however late the timer', () => {
    send('a');
    const receiver = receive(1);
    clock.skip(30 * SECOND);
    expect(queue.complete(receiver.token)).toBe('lock_lost');
    expect(queue.counts()).toEqual({ ready: 1, locked: 0, scheduled: 0 });
  });
});

describe('dead letters', () => {
  test.each([
    { way: 'abandoned', fail: ({ token }: TestReceiver) => queue.abandon(token) },
    {
      way: 'left until its lock expires',
      fail: () => {
        clock.advance(30 * SECOND);
      },
    },
  ])('a message $way as often as it may be delivered is dead-lettered with the reason', ({ fail }) => {
    send('a');
    const receiver = receive(10);
    for (let delivery = 0; delivery < QUEUE_SETTINGS.maxDeliveryCount; delivery++) fail(receiver);
    expect(receiver.ids).toEqual(['a', 'a', 'a']);
    expect(queue.counts()).toEqual({ ready: 0, locked: 0, scheduled: 0 });
    const [dead] = receive(1, deadLetters).received;
    expect(dead?.message.messageId).toBe('a');
    expect(dead?.properties.get('DeadLetterReason')).toBe('MaxDeliveryCountExceeded');
    expect(dead?.deliveryCount).toBe(3);
  });

  test('a dead-lettered message keeps what was set on it and says why', () => {
    send('a');
    const receiver = receive(2);
    queue.abandon(receiver.token, new Map([['tried', 'once']]));
    expect(queue.deadLetter(receiver.token, deadLetterReason('bad', 'no such server'))).toBe('settled');
    const [dead] = receive(1, deadLetters).received;
    expect(Object.fromEntries(dead?.properties ?? [])).toEqual({
      tried: 'once',
      DeadLetterReason: 'bad',
      DeadLetterErrorDescription: 'no such server',
    });
  });

  test('a receiver that waits on the dead-letter queue gets the message at once', () => {
    const watcher = receive(1, deadLetters);
    send('a');
    queue.deadLetter(receive(1).token, new Map());
    expect(watcher.ids).toEqual(['a']);
  });

  test('dead letters outlive every limit and leave only when they are completed', () => {
    send('a');
    queue.deadLetter(receive(1).token, new Map());
    const watcher = receive(20, deadLetters);
    for (let delivery = 0; delivery < 10; delivery++) deadLetters.abandon(watcher.token);
    clock.advance(365 * DAY);
    expect(deadLetters.deadLetter(watcher.token, new Map())).toBe('not_allowed');
    expect(deadLetters.peek(0, 10)).toHaveLength(1);
    watcher.ask(1);
    deadLetters.dispatch();
    deadLetters.complete(watcher.token);
    expect(deadLetters.peek(0, 10)).toEqual([]);
  });
});

describe('peek', () => {
  test('shows messages in every state in the order of their numbers, and locks none', () => {
    send('a', 'b');
    receive(1);
    queue.enqueue([{ messageId: 'later', scheduledFor: clock.now() + DAY }]);
    const before = queue.counts();
    expect(queue.peek(0, 10).map(({ message, state }) => [message.messageId, state])).toEqual([
      ['a', 'active'],
      ['b', 'active'],
      ['later', 'scheduled'],
    ]);
    expect(queue.counts()).toEqual(before);
  });

  test('starts at a number and ends at a count', () => {
    const numbers = send('a', 'b', 'c', 'd');
    expect(queue.peek(numbers[1] ?? NaN, 2).map(({ message }) => message.messageId)).toEqual(['b', 'c']);
  });
});

test('whatever is done to it, a queue loses no message and delivers none too often', () => {
  const step = fc.oneof(
    fc.constant('send' as const),
    fc.constant('schedule' as const),
    fc.constantFrom('complete' as const, 'abandon' as const, 'release' as const, 'deadLetter' as const),
    fc.integer({ min: 1, max: 40 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      openQueue({ defaultTimeToLiveSeconds: Infinity });
      const receiver = receive(3);
      let [sent, completed] = [0, 0];
      for (const [index, action] of steps.entries()) {
        const held = receiver.received.at(-1)?.lock?.token ?? '';
        if (action === 'send') sent += send(`m${index}`).length;
        else if (action === 'schedule')
          sent += queue.enqueue([{ messageId: `m${index}`, scheduledFor: clock.now() + 5 * SECOND }]).length;
        else if (action === 'complete') completed += queue.complete(held) === 'settled' ? 1 : 0;
        else if (typeof action === 'number') clock.advance(action * SECOND);
        else queue[action](held, new Map());
        receiver.ask(1);
        queue.dispatch();
      }
      const { ready, locked, scheduled } = queue.counts();
      expect(ready + locked + scheduled + deadLetters.peek(0, 100).length + completed).toBe(sent);
      for (const { deliveryCount } of receiver.received)
        expect(deliveryCount).toBeLessThan(QUEUE_SETTINGS.maxDeliveryCount);
    }),
  );
});
