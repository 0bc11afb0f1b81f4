import type { Message, StoredMessage } from './message.ts';

/** A receiver. The queue hands it messages for as long as it has capacity. */
export interface Consumer<M extends Message> {
  /** Whether a message counts as completed when it is delivered. */
  readonly receiveAndDelete: boolean;
  capacity(): number;
  deliver(message: StoredMessage<M>): void;
}

/** The consumers of a queue, in the order in which it is their turn. */
export class Consumers<M extends Message> {
  readonly #waiting: Consumer<M>[] = [];

  add(consumer: Consumer<M>): void {
    this.#waiting.push(consumer);
  }

  delete(consumer: Consumer<M>): void {
    const position = this.#waiting.indexOf(consumer);
    if (position >= 0) this.#waiting.splice(position, 1);
  }

  /** The next one with capacity, whose turn this was. */
  next(): Consumer<M> | undefined {
    const position = this.#waiting.findIndex((consumer) => consumer.capacity() > 0);
    const [consumer] = position >= 0 ? this.#waiting.splice(position, 1) : [];
    if (consumer) this.#waiting.push(consumer);
    return consumer;
  }
}
