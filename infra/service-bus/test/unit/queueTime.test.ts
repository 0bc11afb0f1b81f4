import { beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../src/message.ts';
import type { QueueSettings } from '../../src/queue.ts';
import { DAY, openClockedQueue, SECOND, TestReceiver } from '../support/clockedQueue.ts';

let { clock, queue, deadLetters, send, receive } = openClockedQueue();

function openQueue(settings?: Partial<QueueSettings>): void {
  ({ clock, queue, deadLetters, send, receive } = openClockedQueue(settings));
}

beforeEach(() => {
  openQueue();
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
    const receiver = receive(3, queue, new TestReceiver({ receiveAndDelete: true }));
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
