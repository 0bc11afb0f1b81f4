import { z } from 'zod';
import type { KeptMessage, Properties } from './message.ts';
import type { WireMessage } from './messageCodec.ts';
import type { QueueState } from './queue.ts';

/**
 * The lines of a journal, each a JSON object. `queue` is the name of a queue or of its dead-letter queue. Bytes are
 * written in base64.
 */
const base64 = z.string().transform((text) => Buffer.from(text, 'base64'));
const properties = z
  .array(
    z.tuple([z.string(), z.union([z.string(), z.object({ bytes: base64 }).transform((it) => it.bytes)])]),
  )
  .transform((pairs): Properties => new Map(pairs));
const seen = z.array(z.tuple([z.string(), z.number()]));
const standing = {
  id: z.number(),
  sequenceNumber: z.number(),
  deliveryCount: z.number(),
  state: z.enum(['active', 'scheduled']),
  properties: properties.prefault([]),
};

const recordSchema = z.union([
  z.object({ queue: z.string(), removed: z.number() }),
  z.object({
    queue: z.string(),
    added: z.object({
      ...standing,
      enqueuedAt: z.number(),
      messageId: z.string(),
      timeToLiveMs: z.number().optional(),
      scheduledFor: z.number().optional(),
      header: base64,
      annotations: z.object({ count: z.number(), bytes: base64 }),
      bare: base64,
    }),
    admittedAt: z.number().optional(),
  }),
  z.object({ queue: z.string(), changed: z.object(standing) }),
  z.object({ queue: z.string(), nextSequenceNumber: z.number(), seen }),
]);

/** The first line of a journal. */
export const HEAD = JSON.stringify({ format: 'service-bus-journal', version: 1 });

export function addedRecord(queue: string, kept: KeptMessage<WireMessage>, admittedAt?: number): string {
  const { header, annotations, bare, ...rest } = kept.message;
  const added = {
    ...standingOf(kept),
    enqueuedAt: kept.enqueuedAt,
    ...rest,
    header: header.toString('base64'),
    annotations: { count: annotations.count, bytes: annotations.bytes.toString('base64') },
    bare: bare.toString('base64'),
  };
  return JSON.stringify({ queue, added, admittedAt });
}

export function changedRecord(queue: string, kept: KeptMessage<WireMessage>): string {
  return JSON.stringify({ queue, changed: standingOf(kept) });
}

export function removedRecord(queue: string, id: number): string {
  return JSON.stringify({ queue, removed: id });
}

/** The records that a state alone needs. */
export function* recordsOf(queue: string, state: QueueState<WireMessage>): Generator<string> {
  const { nextSequenceNumber, seen, messages } = state;
  yield JSON.stringify({ queue, nextSequenceNumber, seen });
  for (const message of messages) yield addedRecord(queue, message);
}

function standingOf({
  id,
  sequenceNumber,
  deliveryCount,
  state,
  properties: values,
}: KeptMessage<WireMessage>) {
  const pairs = [...values].map(([name, value]) => [
    name,
    typeof value === 'string' ? value : { bytes: value.toString('base64') },
  ]);
  return { id, sequenceNumber, deliveryCount, state, ...(pairs.length > 0 && { properties: pairs }) };
}

/** Builds the state of each queue from the records of a journal, in their order. */
export class JournalReader {
  readonly #queues = new Map<string, BuiltState>();

  /** @throws when the line is no record. */
  read(line: string): void {
    const record = recordSchema.parse(JSON.parse(line));
    const queue = this.#queue(record.queue);
    if ('added' in record) {
      const { messageId, timeToLiveMs, scheduledFor, header, annotations, bare, ...kept } = record.added;
      const message = {
        messageId,
        ...(timeToLiveMs !== undefined && { timeToLiveMs }),
        ...(scheduledFor !== undefined && { scheduledFor }),
        header,
        annotations,
        bare,
      };
      queue.put({ ...kept, message });
      if (record.admittedAt !== undefined) queue.seen.set(messageId, record.admittedAt);
    } else if ('changed' in record) {
      const known = queue.messages.get(record.changed.id);
      if (known) queue.put({ ...known, ...record.changed });
    } else if ('removed' in record) {
      queue.messages.delete(record.removed);
    } else {
      queue.nextSequenceNumber = Math.max(queue.nextSequenceNumber, record.nextSequenceNumber);
      for (const [messageId, seenAt] of record.seen) queue.seen.set(messageId, seenAt);
    }
  }

  /** By the names of the queues. */
  states(): ReadonlyMap<string, QueueState<WireMessage>> {
    return new Map(
      [...this.#queues].map(([name, { nextSequenceNumber, messages, seen: ids }]) => [
        name,
        { nextSequenceNumber, messages: [...messages.values()], seen: [...ids] },
      ]),
    );
  }

  #queue(name: string): BuiltState {
    const known = this.#queues.get(name) ?? new BuiltState();
    this.#queues.set(name, known);
    return known;
  }
}

class BuiltState {
  readonly messages = new Map<number, KeptMessage<WireMessage>>();
  readonly seen = new Map<string, number>();
  nextSequenceNumber = 1;

  put(message: KeptMessage<WireMessage>): void {
    this.messages.set(message.id, message);
    this.nextSequenceNumber = Math.max(this.nextSequenceNumber, message.sequenceNumber + 1);
  }
}
