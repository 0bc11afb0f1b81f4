import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Consumer } from '../../../infra/local/serviceBus/consumers.ts';
import { deadLetterReason } from '../../../infra/local/serviceBus/message.ts';
import type { Message, StoredMessage } from '../../../infra/local/serviceBus/message.ts';
import { Queue, type QueueSettings } from '../../../infra/local/serviceBus/queue.ts';
import { ManualClock } from '../../support/manualClock.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;

const SETTINGS: QueueSettings = {
  lockDurationSeconds: 30,
  maxDeliveryCount: 3,
  duplicateDetectionWindowSeconds: 600,
  defaultTimeToLiveSeconds: 3600,
};

/** Takes as many messages as it was asked to take, and keeps a copy of each as it was delivered. */
class Receiver implements Consumer<Message> {
  readonly received: StoredMessage<Message>[] = [];
  readonly receiveAndDelete: boolean;
  #capacity = 0;

  constructor({ receiveAndDelete = false } = {}) {
    this.receiveAndDelete = receiveAndDelete;
  }

  capacity(): number {
    return this.#capacity - this.received.length;
  }

  deliver(message: StoredMessage<Message>): void {
    this.received.push({ ...message });
  }

  ask(count: number): void {
    this.#capacity += count;
  }

  get ids(): string[] {
    return this.received.map(({ message }) => message.messageId);
  }

  /** The lock token of the message received last. */
  get token(): string {
    const token = this.received.at(-1)?.lock?.token;
    if (token === undefined) throw new Error('nothing locked was received');
    return token;
  }
}

let clock: ManualClock;
let deadLetters: Queue<Message>;
let queue: Queue<Message>;

function openQueue(settings: Partial<QueueSettings> = {}): Queue<Message> {
  clock = new ManualClock();
  deadLetters = new Queue('orders/$DeadLetterQueue', { ...SETTINGS, ...settings }, clock);
  queue = new Queue('orders', { ...SETTINGS, ...settings }, clock, deadLetters);
  return queue;
}

function receive(count: number, from: Queue<Message> = queue, receiver = new Receiver()): Receiver {
  receiver.ask(count);
  from.attach(receiver);
  return receiver;
}

function send(...ids: string[]): number[] {
  return queue.enqueue(ids.map((messageId) => ({ messageId })));
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
    const receiver = receive(1, queue, new Receiver({ receiveAndDelete: true }));
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
    { way: 'abandoned', fail: ({ token }: Receiver) => queue.abandon(token) },
    {
      way: 'left until its lock expires',
      fail: () => {
        clock.advance(30 * SECOND);
      },
    },
  ])('a message $way as often as it may be delivered is dead-lettered with the reason', ({ fail }) => {
    send('a');
    const receiver = receive(10);
    for (let delivery = 0; delivery < SETTINGS.maxDeliveryCount; delivery++) fail(receiver);
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

describe('time to live', () => {
  test.each([
    {
      own: undefined,
      queueSeconds: 3600,
      livesMs: 3600 * SECOND,
      why: "the queue's holds when the message has none",
    },
    {
      own: 5 * SECOND,
      queueSeconds: 3600,
      livesMs: 5 * SECOND,
      why: "the message's holds when it is shorter",
    },
    { own: DAY, queueSeconds: 3600, livesMs: 3600 * SECOND, why: "the queue's caps the message's" },
  ])('$why', ({ own, queueSeconds, livesMs }) => {
    openQueue({ defaultTimeToLiveSeconds: queueSeconds });
    queue.enqueue([{ messageId: 'a', ...(own !== undefined && { timeToLiveMs: own }) }]);
    clock.advance(livesMs - 1);
    expect(queue.peek(0, 1)).toHaveLength(1);
    clock.advance(1);
    expect(queue.peek(0, 1)).toEqual([]);
    expect(deadLetters.peek(0, 1)).toEqual([]);
  });

  test('an expired message moves to the dead-letter queue when the queue says so', () => {
    openQueue({ deadLetterOnExpiration: true });
    queue.enqueue([{ messageId: 'a', timeToLiveMs: SECOND }]);
    clock.advance(SECOND);
    expect(deadLetters.peek(0, 1)[0]?.properties.get('DeadLetterReason')).toBe('TTLExpiredException');
  });

  test('what was completed before it expired is no dead letter', () => {
    openQueue({ deadLetterOnExpiration: true });
    queue.enqueue([{ messageId: 'a', timeToLiveMs: SECOND }]);
    queue.complete(receive(1).token);
    clock.advance(DAY);
    expect(deadLetters.peek(0, 1)).toEqual([]);
  });

  test('a locked message can be completed after its time, and is gone when it is given back', () => {
    queue.enqueue(['a', 'b'].map((messageId) => ({ messageId, timeToLiveMs: SECOND })));
    const receiver = receive(2);
    const [a, b] = receiver.received.map(({ lock }) => lock?.token ?? '');
    clock.advance(2 * SECOND);
    expect(queue.complete(a ?? '')).toBe('settled');
    expect(queue.abandon(b ?? '')).toBe('settled');
    receiver.ask(5);
    queue.dispatch();
    expect(receiver.ids).toEqual(['a', 'b']);
  });

  test('what has expired is not delivered, however late the timer', () => {
    queue.enqueue([{ messageId: 'a', timeToLiveMs: SECOND }]);
    clock.skip(SECOND);
    expect(receive(1).ids).toEqual([]);
  });
});

describe('schedules', () => {
  const at = (delayMs: number, messageId = 'later'): Message => ({
    messageId,
    scheduledFor: clock.now() + delayMs,
  });

  test('a scheduled message comes at its moment, behind what was sent before, under a new number', () => {
    const [scheduled] = queue.enqueue([at(SECOND)]);
    send('now');
    clock.advance(SECOND - 1);
    expect(queue.counts()).toEqual({ ready: 1, locked: 0, scheduled: 1 });
    clock.advance(1);
    const receiver = receive(2);
    expect(receiver.ids).toEqual(['now', 'later']);
    expect(receiver.received[1]?.sequenceNumber).toBeGreaterThan(scheduled ?? Infinity);
  });

  test('it reaches a receiver that waits', () => {
    const receiver = receive(1);
    queue.enqueue([at(SECOND)]);
    clock.advance(SECOND);
    expect(receiver.ids).toEqual(['later']);
  });

  test('each one reaches a receiver that waits, at its own moment, with nothing else going on', () => {
    const receiver = receive(3, queue, new Receiver({ receiveAndDelete: true }));
    queue.enqueue([at(2 * SECOND, 'second'), at(SECOND, 'first'), at(60 * DAY, 'last')]);
    clock.advance(SECOND);
    expect(receiver.ids).toEqual(['first']);
    clock.advance(SECOND);
    expect(receiver.ids).toEqual(['first', 'second']);
    clock.advance(60 * DAY);
    expect(receiver.ids).toEqual(['first', 'second', 'last']);
  });

  test('its time to live begins when it comes', () => {
    queue.enqueue([{ ...at(DAY), timeToLiveMs: SECOND }]);
    clock.advance(DAY);
    expect(queue.counts().ready).toBe(1);
    clock.advance(SECOND);
    expect(queue.counts().ready).toBe(0);
  });

  test('a moment that has passed means at once', () => {
    queue.enqueue([at(-SECOND)]);
    expect(queue.counts()).toEqual({ ready: 1, locked: 0, scheduled: 0 });
  });

  test('a moment beyond what a timer can hold is awaited in a few steps', () => {
    queue.enqueue([at(60 * DAY)]);
    clock.advance(60 * DAY - 1);
    expect(queue.counts().scheduled).toBe(1);
    expect(clock.rings).toBeLessThan(5);
    clock.advance(1);
    expect(queue.counts().ready).toBe(1);
  });

  test('a cancelled message never comes', () => {
    const numbers = queue.enqueue([at(SECOND)]);
    expect(queue.cancelScheduled(numbers)).toBe('cancelled');
    clock.advance(DAY);
    expect(queue.peek(0, 1)).toEqual([]);
  });

  test('cancelling takes all or none: one that has come already leaves the other scheduled', () => {
    const numbers = queue.enqueue([at(SECOND, 'soon'), at(DAY, 'late')]);
    clock.advance(SECOND);
    expect(queue.cancelScheduled(numbers)).toBe('not_found');
    expect(queue.counts()).toEqual({ ready: 1, locked: 0, scheduled: 1 });
  });
});

test('a message that is not scheduled cannot be cancelled', () => {
  expect(queue.cancelScheduled(send('a'))).toBe('not_found');
  expect(queue.counts().ready).toBe(1);
});

describe('duplicate detection', () => {
  test('an id is taken once within the window, even after its message is completed', () => {
    send('a');
    queue.complete(receive(1).token);
    clock.advance(600 * SECOND - 1);
    send('a', 'b', 'b');
    expect(queue.peek(0, 10).map(({ message }) => message.messageId)).toEqual(['b']);
  });

  test('after the window the id is taken again', () => {
    send('a');
    clock.advance(600 * SECOND);
    send('a');
    expect(queue.peek(0, 10)).toHaveLength(2);
  });

  test('a duplicate does not prolong the window', () => {
    send('a');
    clock.advance(599 * SECOND);
    send('a');
    clock.advance(SECOND);
    send('a');
    expect(queue.peek(0, 10)).toHaveLength(2);
  });

  test('a window of 0 takes everything', () => {
    openQueue({ duplicateDetectionWindowSeconds: 0 });
    send('a', 'a');
    expect(queue.peek(0, 10)).toHaveLength(2);
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

describe('timers', () => {
  test('a thousand messages arm one timer, as do their dead letters, and a stopped queue none', () => {
    send(...Array.from({ length: 1000 }, (_, index) => `m${index}`));
    const receiver = receive(500);
    expect(clock.armedTimers).toBe(1);
    queue.deadLetter(receiver.token, new Map());
    receive(1, deadLetters);
    expect(clock.armedTimers).toBe(2);
    queue.stop();
    expect(clock.armedTimers).toBe(0);
  });

  test('messages that are gone leave nothing to ring for but the one timer that was armed', () => {
    for (let round = 0; round < 100; round++) {
      send(`m${round}`);
      queue.complete(receive(1).token);
    }
    clock.advance(2 * DAY);
    expect(clock.rings).toBeLessThanOrEqual(1);
    expect(clock.armedTimers).toBe(0);
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
        expect(deliveryCount).toBeLessThan(SETTINGS.maxDeliveryCount);
    }),
  );
});
