import type { Clock } from './clock.ts';
import { type Consumer, Consumers } from './consumers.ts';
import { DuplicateWindow } from './duplicateWindow.ts';
import { type Entry, HeldMessages, NO_LOG, type QueueLog } from './heldMessages.ts';
import {
  deadLetterReason,
  type KeptMessage,
  type Message,
  NO_PROPERTIES,
  type Properties,
  type StoredMessage,
  withProperties,
} from './message.ts';

export interface QueueSettings {
  readonly lockDurationSeconds: number;
  readonly maxDeliveryCount: number;
  /** 0 turns duplicate detection off. */
  readonly duplicateDetectionWindowSeconds: number;
  readonly defaultTimeToLiveSeconds: number;
  /** Whether an expired message moves to the dead-letter queue. By default it is dropped, as in Azure. */
  readonly deadLetterOnExpiration?: boolean;
}

/** Result of a settlement: `lock_lost` when the lock had expired or the message was settled before. */
export type Settlement = 'settled' | 'lock_lost';

/** All of a queue that survives a restart. */
export interface QueueState<M extends Message> {
  readonly nextSequenceNumber: number;
  readonly messages: readonly KeptMessage<M>[];
  /** Message ids of the duplicate detection window, oldest first. */
  readonly seen: readonly (readonly [messageId: string, seenAt: number])[];
}

/**
 * One queue, by the rules of Service Bus and without its protocol. A message is
 * - scheduled until its time comes; then the queue enqueues it under a new sequence number,
 * - ready, in the order of sequence numbers, until a consumer takes it or it expires,
 * - locked by one consumer until it is completed (removed), abandoned, released or its lock expires (ready again, at its
 *   old place), or dead-lettered. The queue counts failed deliveries and dead-letters the message after the last allowed one.
 *
 * Each message has at most one deadline: its schedule, the end of its lock or the end of its life. The queue handles all
 * passed deadlines at each use, so its answers depend on the clock and never on a late timer.
 */
export class Queue<M extends Message> {
  readonly name: string;
  /** Absent on a dead-letter queue, where nothing expires and deliveries may fail without end. */
  readonly deadLetters: Queue<M> | undefined;
  readonly #settings: QueueSettings;
  readonly #clock: Clock;
  readonly #log: QueueLog<M>;
  readonly #held: HeldMessages<M>;
  readonly #seen: DuplicateWindow;
  readonly #consumers = new Consumers<M>();

  /** Without `deadLetters` this is a dead-letter queue. Without `log` the queue lives in memory. */
  constructor(
    name: string,
    settings: QueueSettings,
    clock: Clock,
    deadLetters?: Queue<M>,
    log: QueueLog<M> = NO_LOG,
  ) {
    this.name = name;
    this.deadLetters = deadLetters;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#seen = new DuplicateWindow(settings.duplicateDetectionWindowSeconds * 1000);
    this.#held = new HeldMessages(clock, log, () => {
      this.dispatch();
    });
  }

  /** Returns all that survives a restart. */
  state(): QueueState<M> {
    const { nextSequenceNumber } = this.#held;
    return { nextSequenceNumber, messages: [...this.#held.inOrder()], seen: this.#seen.entries() };
  }

  /** Takes back a state. Messages that were locked are ready again, with the delivery count they had. */
  restore({ nextSequenceNumber, messages, seen }: QueueState<M>): void {
    this.#seen.restore(seen);
    for (const entry of this.#held.restore(messages, nextSequenceNumber)) {
      if (entry.state === 'scheduled') this.#held.deadlines.set(entry, entry.enqueuedAt);
      else if (this.deadLetters) this.#startLife(entry);
      else this.#held.makeReady(entry);
    }
  }

  /** Enqueues all messages and returns a sequence number for each. A duplicate gets a number and is dropped. */
  enqueue(messages: readonly M[]): number[] {
    const now = this.#settleDue();
    const sequenceNumbers = messages.map((message) => {
      if (!this.#seen.admit(message.messageId, now)) return this.#held.takeSequenceNumber();
      return this.#add(message, now);
    });
    this.#log.flush();
    this.dispatch();
    return sequenceNumbers;
  }

  /** Cancels all of the scheduled messages, or none when one of them is missing. */
  cancelScheduled(sequenceNumbers: readonly number[]): 'cancelled' | 'not_found' {
    this.#settleDue();
    const scheduled: Entry<M>[] = [];
    for (const sequenceNumber of sequenceNumbers) {
      const entry = this.#held.get(sequenceNumber);
      if (entry?.state !== 'scheduled') return 'not_found';
      scheduled.push(entry);
    }
    for (const entry of scheduled) this.#held.remove(entry);
    return 'cancelled';
  }

  attach(consumer: Consumer<M>): void {
    this.#consumers.add(consumer);
    this.dispatch();
  }

  /** The messages of the consumer stay locked until they are settled or their locks expire. */
  detach(consumer: Consumer<M>): void {
    this.#consumers.delete(consumer);
  }

  /** Delivers ready messages to consumers. Must be called when the capacity of a consumer has grown. */
  dispatch(): void {
    const now = this.#settleDue();
    while (this.#held.ready.size > 0) {
      const consumer = this.#consumers.next();
      const entry = consumer && this.#held.ready.shift();
      if (!entry) return;
      if (consumer.receiveAndDelete) this.#held.remove(entry);
      else this.#lock(entry, now);
      consumer.deliver(entry);
    }
  }

  complete(lockToken: string): Settlement {
    return this.#settle(lockToken, (entry) => {
      this.#held.remove(entry);
    });
  }

  /** Ends a failed delivery. */
  abandon(lockToken: string, properties: Properties = NO_PROPERTIES): Settlement {
    return this.#settle(lockToken, (entry) => {
      entry.properties = withProperties(entry.properties, properties);
      this.#failDelivery(entry);
    });
  }

  /** Makes the message ready again without counting a failed delivery. */
  release(lockToken: string): Settlement {
    return this.#settle(lockToken, (entry) => {
      this.#held.makeReady(entry);
    });
  }

  /** Not allowed on a dead-letter queue. */
  deadLetter(lockToken: string, properties: Properties): Settlement | 'not_allowed' {
    const { deadLetters } = this;
    if (!deadLetters) return 'not_allowed';
    return this.#settle(lockToken, (entry) => {
      this.#moveTo(deadLetters, entry, properties);
    });
  }

  /** Extends the lock and returns its new end, or `undefined` when the lock is lost. */
  renewLock(lockToken: string): number | undefined {
    const now = this.#settleDue();
    const entry = this.#held.locked.get(lockToken);
    return entry && this.#lock(entry, now);
  }

  /** Returns up to `count` messages in any state, from a sequence number on. Takes linear time to find it. */
  peek(fromSequenceNumber: number, count: number): StoredMessage<M>[] {
    this.#settleDue();
    const found: StoredMessage<M>[] = [];
    for (const entry of this.#held.inOrder()) {
      if (found.length >= count) break;
      if (entry.sequenceNumber >= fromSequenceNumber) found.push(entry);
    }
    return found;
  }

  counts(): { readonly ready: number; readonly locked: number; readonly scheduled: number } {
    this.#settleDue();
    const [ready, locked] = [this.#held.ready.size, this.#held.locked.size];
    return { ready, locked, scheduled: this.#held.size - ready - locked };
  }

  stop(): void {
    this.#held.deadlines.stop();
    this.deadLetters?.stop();
  }

  #add(message: M, now: number): number {
    const enqueuedAt = Math.max(message.scheduledFor ?? now, now);
    if (enqueuedAt > now) {
      const entry = this.#held.add(message, enqueuedAt, { state: 'scheduled' }, now);
      this.#held.deadlines.set(entry, enqueuedAt);
      return entry.sequenceNumber;
    }
    const entry = this.#held.add(message, enqueuedAt, {}, now);
    this.#startLife(entry);
    return entry.sequenceNumber;
  }

  #startLife(entry: Entry<M>): void {
    const longestMs = this.#settings.defaultTimeToLiveSeconds * 1000;
    entry.expiresAt = entry.enqueuedAt + Math.min(entry.message.timeToLiveMs ?? Infinity, longestMs);
    this.#held.makeReady(entry);
  }

  /** Locks the message for the full duration from now on. */
  #lock(entry: Entry<M>, now: number): number {
    const until = now + this.#settings.lockDurationSeconds * 1000;
    this.#held.lock(entry, until);
    return until;
  }

  #failDelivery(entry: Entry<M>): void {
    entry.deliveryCount += 1;
    if (!this.deadLetters || entry.deliveryCount < this.#settings.maxDeliveryCount) {
      this.#held.changed(entry);
      this.#held.makeReady(entry);
    } else {
      const description = `Message could not be consumed after ${entry.deliveryCount} delivery attempts.`;
      this.#moveTo(this.deadLetters, entry, deadLetterReason('MaxDeliveryCountExceeded', description));
    }
  }

  #expire(entry: Entry<M>): void {
    if (!this.deadLetters || !this.#settings.deadLetterOnExpiration) {
      this.#held.remove(entry);
    } else {
      const description = 'The message expired and was dead lettered.';
      this.#moveTo(this.deadLetters, entry, deadLetterReason('TTLExpiredException', description));
    }
  }

  /** Adds before it removes: when the process ends between the two, the message is there twice and not lost. */
  #moveTo(deadLetters: Queue<M>, entry: Entry<M>, properties: Properties): void {
    const dead = deadLetters.#held.add(entry.message, entry.enqueuedAt, {
      deliveryCount: entry.deliveryCount,
      properties: withProperties(entry.properties, properties),
    });
    this.#held.remove(entry);
    deadLetters.#held.makeReady(dead);
    deadLetters.dispatch();
  }

  #settle(lockToken: string, how: (entry: Entry<M>) => void): Settlement {
    this.#settleDue();
    const entry = this.#held.locked.get(lockToken);
    if (!entry) return 'lock_lost';
    how(entry);
    this.dispatch();
    return 'settled';
  }

  #settleDue(): number {
    const now = this.#clock.now();
    for (let entry = this.#held.deadlines.take(now); entry; entry = this.#held.deadlines.take(now)) {
      if (entry.state === 'scheduled') {
        this.#held.activate(entry);
        this.#startLife(entry);
      } else if (entry.lock) this.#failDelivery(entry);
      else this.#expire(entry);
    }
    return now;
  }
}
