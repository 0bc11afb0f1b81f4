import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import { Consumers, type Consumer } from './consumers.ts';
import { Deadlines } from './deadlines.ts';
import { DuplicateWindow } from './duplicateWindow.ts';
import { Heap } from './heap.ts';
import { deadLetterReason, NO_PROPERTIES, withProperties } from './message.ts';
import type { Message, Properties, StoredMessage } from './message.ts';

export interface QueueSettings {
  readonly lockDurationSeconds: number;
  readonly maxDeliveryCount: number;
  /** 0 turns duplicate detection off. */
  readonly duplicateDetectionWindowSeconds: number;
  readonly defaultTimeToLiveSeconds: number;
  /** Whether an expired message moves to the dead-letter queue; by default it is dropped, as in Azure. */
  readonly deadLetterOnExpiration?: boolean;
}

/** How a settlement ended: `lock_lost` when the lock had expired or was settled before. */
export type Settlement = 'settled' | 'lock_lost';

interface Entry<M extends Message> extends StoredMessage<M> {
  sequenceNumber: number;
  deliveryCount: number;
  properties: Properties;
  state: StoredMessage<M>['state'];
  lock: StoredMessage<M>['lock'];
  expiresAt: number;
  dueAt: number;
}

/**
 * One queue, by the rules of Service Bus and without its protocol. A message is
 * - scheduled until its moment comes; then it is enqueued under a new sequence number,
 * - ready, in the order of sequence numbers, until a consumer takes it or it expires,
 * - locked by one consumer until it is completed (gone), abandoned, released or its lock expires (ready again,
 *   at its old place), or dead-lettered. A failed delivery counts; the last one allowed dead-letters it too.
 *
 * Each message has at most one moment at which something becomes due: its schedule, its lock or its life ends.
 * What is due is settled whenever the queue is used, so its answers depend on the clock and never on a late timer.
 */
export class Queue<M extends Message> {
  readonly name: string;
  /** Absent on a dead-letter queue, where nothing expires and deliveries may fail without end. */
  readonly deadLetters: Queue<M> | undefined;
  readonly #settings: QueueSettings;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines<Entry<M>>;
  readonly #seen: DuplicateWindow;
  /** All messages in the order of their sequence numbers. */
  readonly #messages = new Map<number, Entry<M>>();
  readonly #ready = new Heap<Entry<M>>((a, b) => a.sequenceNumber < b.sequenceNumber);
  readonly #locked = new Map<string, Entry<M>>();
  readonly #consumers = new Consumers<M>();
  #nextSequenceNumber = 1;

  constructor(name: string, settings: QueueSettings, clock: Clock, deadLetters?: Queue<M>) {
    this.name = name;
    this.deadLetters = deadLetters;
    this.#settings = settings;
    this.#clock = clock;
    this.#seen = new DuplicateWindow(settings.duplicateDetectionWindowSeconds * 1000);
    this.#deadlines = new Deadlines(clock, () => {
      this.dispatch();
    });
  }

  /** Takes all messages and returns a sequence number for each; a duplicate gets one too and is dropped. */
  enqueue(messages: readonly M[]): number[] {
    const now = this.#settleDue();
    const sequenceNumbers = messages.map((message) => {
      if (!this.#seen.admit(message.messageId, now)) return this.#nextSequenceNumber++;
      return this.#add(message, now);
    });
    this.dispatch();
    return sequenceNumbers;
  }

  /** Cancels all of the scheduled messages, or none when one of them is not there any more. */
  cancelScheduled(sequenceNumbers: readonly number[]): 'cancelled' | 'not_found' {
    this.#settleDue();
    const scheduled: Entry<M>[] = [];
    for (const sequenceNumber of sequenceNumbers) {
      const entry = this.#messages.get(sequenceNumber);
      if (entry?.state !== 'scheduled') return 'not_found';
      scheduled.push(entry);
    }
    for (const entry of scheduled) this.#remove(entry);
    return 'cancelled';
  }

  attach(consumer: Consumer<M>): void {
    this.#consumers.add(consumer);
    this.dispatch();
  }

  /** What the consumer holds stays locked until it is settled or its lock expires. */
  detach(consumer: Consumer<M>): void {
    this.#consumers.delete(consumer);
  }

  /** Hands out what is ready. To be called when the capacity of a consumer has grown. */
  dispatch(): void {
    const now = this.#settleDue();
    while (this.#ready.size > 0) {
      const consumer = this.#consumers.next();
      const entry = consumer && this.#ready.shift();
      if (!entry) return;
      if (consumer.receiveAndDelete) this.#remove(entry);
      else this.#lock(entry, now);
      consumer.deliver(entry);
    }
  }

  complete(lockToken: string): Settlement {
    return this.#settle(lockToken, (entry) => {
      this.#remove(entry);
    });
  }

  /** Ends a failed delivery. */
  abandon(lockToken: string, properties: Properties = NO_PROPERTIES): Settlement {
    return this.#settle(lockToken, (entry) => {
      entry.properties = withProperties(entry.properties, properties);
      this.#failDelivery(entry);
    });
  }

  /** Gives back a message that its receiver has not looked at, which is no failed delivery. */
  release(lockToken: string): Settlement {
    return this.#settle(lockToken, (entry) => {
      this.#makeReady(entry);
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

  /** The moment until which the lock now holds; undefined when it is lost. */
  renewLock(lockToken: string): number | undefined {
    const now = this.#settleDue();
    const entry = this.#locked.get(lockToken);
    return entry && this.#lock(entry, now);
  }

  /** Up to `count` messages in any state, from a sequence number on. Skips to it one by one. */
  peek(fromSequenceNumber: number, count: number): StoredMessage<M>[] {
    this.#settleDue();
    const found: StoredMessage<M>[] = [];
    for (const entry of this.#messages.values()) {
      if (found.length >= count) break;
      if (entry.sequenceNumber >= fromSequenceNumber) found.push(entry);
    }
    return found;
  }

  counts(): { readonly ready: number; readonly locked: number; readonly scheduled: number } {
    this.#settleDue();
    const [ready, locked] = [this.#ready.size, this.#locked.size];
    return { ready, locked, scheduled: this.#messages.size - ready - locked };
  }

  stop(): void {
    this.#deadlines.stop();
    this.deadLetters?.stop();
  }

  #add(message: M, now: number): number {
    const entry = this.#store(message, Math.max(message.scheduledFor ?? now, now));
    if (entry.enqueuedAt > now) {
      entry.state = 'scheduled';
      this.#deadlines.set(entry, entry.enqueuedAt);
    } else {
      this.#startLife(entry);
    }
    return entry.sequenceNumber;
  }

  #store(message: M, enqueuedAt: number): Entry<M> {
    const entry: Entry<M> = {
      message,
      sequenceNumber: this.#nextSequenceNumber++,
      enqueuedAt,
      deliveryCount: 0,
      properties: NO_PROPERTIES,
      state: 'active',
      lock: undefined,
      expiresAt: Infinity,
      dueAt: Infinity,
    };
    this.#messages.set(entry.sequenceNumber, entry);
    return entry;
  }

  #startLife(entry: Entry<M>): void {
    const longestMs = this.#settings.defaultTimeToLiveSeconds * 1000;
    entry.expiresAt = entry.enqueuedAt + Math.min(entry.message.timeToLiveMs ?? Infinity, longestMs);
    this.#makeReady(entry);
  }

  #activate(entry: Entry<M>): void {
    this.#messages.delete(entry.sequenceNumber);
    entry.sequenceNumber = this.#nextSequenceNumber++;
    entry.state = 'active';
    this.#messages.set(entry.sequenceNumber, entry);
    this.#startLife(entry);
  }

  /** What has expired meanwhile is due at once, so it is never handed out. */
  #makeReady(entry: Entry<M>): void {
    this.#unlock(entry);
    this.#ready.push(entry);
    this.#deadlines.set(entry, entry.expiresAt);
  }

  /** Locks the message, or holds the lock it has for the full duration again. */
  #lock(entry: Entry<M>, now: number): number {
    const token = entry.lock?.token ?? randomUUID();
    const until = now + this.#settings.lockDurationSeconds * 1000;
    entry.lock = { token, until };
    this.#locked.set(token, entry);
    this.#deadlines.set(entry, until);
    return until;
  }

  #unlock(entry: Entry<M>): void {
    if (entry.lock) this.#locked.delete(entry.lock.token);
    entry.lock = undefined;
  }

  #failDelivery(entry: Entry<M>): void {
    entry.deliveryCount += 1;
    if (!this.deadLetters || entry.deliveryCount < this.#settings.maxDeliveryCount) {
      this.#makeReady(entry);
    } else {
      const description = `Message could not be consumed after ${entry.deliveryCount} delivery attempts.`;
      this.#moveTo(this.deadLetters, entry, deadLetterReason('MaxDeliveryCountExceeded', description));
    }
  }

  #expire(entry: Entry<M>): void {
    if (!this.deadLetters || !this.#settings.deadLetterOnExpiration) {
      this.#remove(entry);
    } else {
      const description = 'The message expired and was dead lettered.';
      this.#moveTo(this.deadLetters, entry, deadLetterReason('TTLExpiredException', description));
    }
  }

  #moveTo(deadLetters: Queue<M>, entry: Entry<M>, properties: Properties): void {
    this.#remove(entry);
    const dead = deadLetters.#store(entry.message, entry.enqueuedAt);
    dead.deliveryCount = entry.deliveryCount;
    dead.properties = withProperties(entry.properties, properties);
    deadLetters.#ready.push(dead);
    deadLetters.dispatch();
  }

  #remove(entry: Entry<M>): void {
    this.#unlock(entry);
    this.#ready.delete(entry);
    this.#deadlines.delete(entry);
    this.#messages.delete(entry.sequenceNumber);
  }

  #settle(lockToken: string, how: (entry: Entry<M>) => void): Settlement {
    this.#settleDue();
    const entry = this.#locked.get(lockToken);
    if (!entry) return 'lock_lost';
    how(entry);
    this.dispatch();
    return 'settled';
  }

  #settleDue(): number {
    const now = this.#clock.now();
    for (let entry = this.#deadlines.take(now); entry; entry = this.#deadlines.take(now)) {
      if (entry.state === 'scheduled') this.#activate(entry);
      else if (entry.lock) this.#failDelivery(entry);
      else this.#expire(entry);
    }
    return now;
  }
}
