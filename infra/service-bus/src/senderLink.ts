import type { EventContext, Receiver } from 'rhea';
import { type AmqpError, tooLarge, undecodable } from './amqpErrors.ts';
import { decodeBatch, decodeMessage, type WireMessage } from './messageCodec.ts';
import type { Queue } from './queue.ts';
import { confirmAttach, rawMessage, settle } from './rheaCorners.ts';

/** Limit of the standard tier. The JavaScript client limits its batches by it. The .NET client needs it to send. */
const MAX_MESSAGE_SIZE = 262_144;
const BATCH_FORMAT = 0x80013700;
/** Messages that a client may send before an answer. rhea does not see the .NET client's request for more. */
const CREDIT_WINDOW = 1000;

/** Serves a client's sender: enqueues each message and settles its delivery. */
export function openSenderLink(link: Receiver, queue: Queue<WireMessage>): void {
  confirmAttach(link, { max_message_size: MAX_MESSAGE_SIZE });
  link.set_credit_window(CREDIT_WINDOW);
  link.add_credit(CREDIT_WINDOW);
  link.on('message', ({ message, delivery }: EventContext) => {
    if (!delivery) return;
    const { bytes, format } = rawMessage(message, delivery);
    settle(delivery, take(queue, bytes, format));
  });
}

function take(queue: Queue<WireMessage>, bytes: Buffer, format: number): AmqpError | undefined {
  if (bytes.length > MAX_MESSAGE_SIZE) return tooLarge(bytes.length, MAX_MESSAGE_SIZE);
  try {
    queue.enqueue(format === BATCH_FORMAT ? decodeBatch(bytes) : [decodeMessage(bytes)]);
    return undefined;
  } catch (error) {
    return undecodable(error);
  }
}
