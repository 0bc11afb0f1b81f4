import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import { Deadlines } from './deadlines.ts';
import { Heap } from './heap.ts';
import {
  type KeptMessage,
  type Message,
  NO_PROPERTIES,
  type Properties,
  type StoredMessage,
} from './message.ts';

export interface Entry<M extends Message> extends StoredMessage<M> {
  sequenceNumber: number;
  deliveryCount: number;
  properties: Properties;
  state: StoredMessage<M>['state'];
  lock: StoredMessage<M>['lock'];
  expiresAt: number;
  dueAt: number;
}

/** Records the changes of one queue that have to survive the process. Locks are not recorded. */
export interface QueueLog<M extends Message> {
  /** `admittedAt`: when duplicate detection saw the message id first. */
  added(message: KeptMessage<M>, admittedAt?: number): void;
  changed(message: KeptMessage<M>): void;
  removed(id: number): void;
  /** Returns when all that was recorded survives the end of the process. */
  flush(): void;
}

/** Records nothing: the queue lives in memory. */
export const NO_LOG: QueueLog<Message> = {
  added: () => undefined,
  changed: () => undefined,
  removed: () => undefined,
  flush: () => undefined,
};

/** The messages of one queue, ordered by sequence number and indexed by state. */
export class HeldMessages<M extends Message> {
  readonly ready = new Heap<Entry<M>>((a, b) => a.sequenceNumber < b.sequenceNumber);
  readonly locked = new Map<string, Entry<M>>();
  readonly deadlines: Deadlines<Entry<M>>;
  readonly #log: QueueLog<M>;
  readonly #byNumber = new Map<number, Entry<M>>();
  #nextSequenceNumber = 1;

  /** `onDue` is called when the moment of a message has come. */
  constructor(clock: Clock, log: QueueLog<M>, onDue: () => void) {
    this.#log = log;
    this.deadlines = new Deadlines(clock, onDue);
  }

  get size(): number {
    return this.#byNumber.size;
  }

  get nextSequenceNumber(): number {
    return this.#nextSequenceNumber;
  }

  get(sequenceNumber: number): Entry<M> | undefined {
    return this.#byNumber.get(sequenceNumber);
  }

  inOrder(): Iterable<Entry<M>> {
    return this.#byNumber.values();
  }

  takeSequenceNumber(): number {
    return this.#nextSequenceNumber++;
  }

  /** Takes a message in. The caller makes it ready or sets its deadline. */
  add(message: M, enqueuedAt: number, more: Partial<Entry<M>> = {}, admittedAt?: number): Entry<M> {
    const sequenceNumber = this.takeSequenceNumber();
    const entry: Entry<M> = {
      message,
      id: sequenceNumber,
      sequenceNumber,
      enqueuedAt,
      deliveryCount: 0,
      properties: NO_PROPERTIES,
      state: 'active',
      lock: undefined,
      expiresAt: Infinity,
      dueAt: Infinity,
      ...more,
    };
    this.#byNumber.set(entry.sequenceNumber, entry);
    this.#log.added(entry, admittedAt);
    return entry;
  }

  /** Takes back what a log has kept, in the order of sequence numbers. Nothing is recorded. */
  restore(kept: readonly KeptMessage<M>[], nextSequenceNumber: number): Entry<M>[] {
    this.#nextSequenceNumber = nextSequenceNumber;
    const entries = kept
      .toSorted((a, b) => a.sequenceNumber - b.sequenceNumber)
      .map((message) => ({ ...message, lock: undefined, expiresAt: Infinity, dueAt: Infinity }));
    for (const entry of entries) this.#byNumber.set(entry.sequenceNumber, entry);
    return entries;
  }

  /** A scheduled message becomes an active one, under a new sequence number. */
  activate(entry: Entry<M>): void {
    this.#byNumber.delete(entry.sequenceNumber);
    entry.sequenceNumber = this.takeSequenceNumber();
    entry.state = 'active';
    this.#byNumber.set(entry.sequenceNumber, entry);
    this.#log.changed(entry);
  }

  /** Records a new delivery count or new properties. */
  changed(entry: Entry<M>): void {
    this.#log.changed(entry);
  }

  /** A message that has expired meanwhile is due at once, so no consumer gets it. */
  makeReady(entry: Entry<M>): void {
    this.#unlock(entry);
    this.ready.push(entry);
    this.deadlines.set(entry, entry.expiresAt);
  }

  /** Locks the message, or extends the lock it has. */
  lock(entry: Entry<M>, until: number): void {
    const token = entry.lock?.token ?? randomUUID();
    entry.lock = { token, until };
    this.locked.set(token, entry);
    this.deadlines.set(entry, until);
  }

  remove(entry: Entry<M>): void {
    this.#unlock(entry);
    this.ready.delete(entry);
    this.deadlines.delete(entry);
    this.#byNumber.delete(entry.sequenceNumber);
    this.#log.removed(entry.id);
  }

  #unlock(entry: Entry<M>): void {
    if (entry.lock) this.locked.delete(entry.lock.token);
    entry.lock = undefined;
  }
}
