import type { Consumer } from '../../src/consumers.ts';
import type { Message, StoredMessage } from '../../src/message.ts';
import { Queue, type QueueSettings } from '../../src/queue.ts';
import { ManualClock } from './manualClock.ts';

export const SECOND = 1000;
export const DAY = 86_400 * SECOND;

export const QUEUE_SETTINGS: QueueSettings = {
  lockDurationSeconds: 30,
  maxDeliveryCount: 3,
  duplicateDetectionWindowSeconds: 600,
  defaultTimeToLiveSeconds: 3600,
};

/** Takes as many messages as it was asked to take, and keeps a copy of each as it was delivered. */
export class TestReceiver implements Consumer<Message> {
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

/** A queue of the local Service Bus broker, without the broker, on a clock that the test moves. */
export interface ClockedQueue {
  readonly clock: ManualClock;
  readonly queue: Queue<Message>;
  readonly deadLetters: Queue<Message>;
  /** Returns the sequence numbers. */
  readonly send: (...ids: string[]) => number[];
  /** A receiver that takes up to `count` messages. */
  readonly receive: (count: number, from?: Queue<Message>, receiver?: TestReceiver) => TestReceiver;
}

export function openClockedQueue(settings: Partial<QueueSettings> = {}): ClockedQueue {
  const all = { ...QUEUE_SETTINGS, ...settings };
  const clock = new ManualClock();
  const deadLetters = new Queue<Message>('orders/$DeadLetterQueue', all, clock);
  const queue = new Queue<Message>('orders', all, clock, deadLetters);
  return {
    clock,
    queue,
    deadLetters,
    send: (...ids) => queue.enqueue(ids.map((messageId) => ({ messageId }))),
    receive(count, from = queue, receiver = new TestReceiver()) {
      receiver.ask(count);
      from.attach(receiver);
      return receiver;
    },
  };
}
