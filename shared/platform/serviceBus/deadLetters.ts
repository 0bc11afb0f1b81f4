import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { Config } from '../config/config.ts';
import { InfrastructureError } from '../base/errors.ts';
import { openClient } from './messageSender.ts';

/** A message that its queue has given up on. */
export interface DeadLetter {
  /** What it is found by. It has 64 bits, more than a number holds exactly. */
  readonly sequenceNumber: string;
  readonly messageId: string;
  readonly enqueuedAt: Date | undefined;
  readonly reason: string | undefined;
  readonly description: string | undefined;
  readonly deliveryCount: number;
  /** Parsed; undefined when it is not JSON. */
  readonly body: unknown;
  /** The body's, in bytes. */
  readonly size: number;
}

/** Sends the dead letter to its queue as it is, under this message id. */
export type Resend = (messageId: string) => Promise<void>;

/** The dead-letter queues of queues. @throws InfrastructureError when Service Bus does not answer. */
export interface DeadLetterQueues {
  /** Those from a sequence number on, in its order, at most `limit`; fewer mean that there are no more. They stay. */
  list(queue: string, limit: number, from?: string): Promise<readonly DeadLetter[]>;
  /**
   * Holds one so that nobody else gets it, acts, and then removes it; an act that throws leaves it there. Undefined, and
   * nothing was done, when it could not be held: another has it or has removed it, or too many stand before it.
   */
  take<T>(queue: string, sequenceNumber: string, act: (resend: Resend) => Promise<T>): Promise<T | undefined>;
}

/** Someone waits for the answer. */
const retries = { maxRetries: 1, retryDelayInMs: 500, timeoutInMs: 5_000 };
const MAX_PEEKED = 100;
const BATCH = 50;
/** One is found by holding all that stand before it, each of which counts that as a delivery. */
const MAX_HELD = 500;
/** So that the lock of the first that is held, of 30 seconds, outlasts the search and the act. */
const SEARCH_WITHIN_MS = 8_000;
const FIRST_WAIT_MS = 5_000;

/** A client for each call: operators call seldom, and a client remembers how far it has peeked. */
export function openDeadLetterQueues(connection: Config['serviceBus']): DeadLetterQueues {
  async function withClient<T>(use: (client: ServiceBusClient) => Promise<T>): Promise<T> {
    const client = await openClient(connection, retries);
    try {
      return await use(client);
    } finally {
      // What went before counts; the connection ends with its last reference in any case.
      await client.close().catch(() => undefined);
    }
  }

  return {
    list: (queue, limit, from) =>
      withClient((client) =>
        guarded(`peek dead letters of ${queue}`, async () => {
          const peeked = await peek(openReceiver(client, queue), Math.min(limit, MAX_PEEKED), from);
          return peeked.map(toDeadLetter);
        }),
      ),
    take: (queue, sequenceNumber, act) =>
      withClient(async (client) => {
        const receiver = openReceiver(client, queue);
        const held: ServiceBusReceivedMessage[] = [];
        try {
          const found = await guarded(`hold a dead letter of ${queue}`, () =>
            search(receiver, sequenceNumber, held),
          );
          if (!found) return undefined;
          const done = await act((messageId) =>
            guarded(`send a dead letter to ${queue}`, () => resend(client, queue, found, messageId)),
          );
          await guarded(`remove a dead letter of ${queue}`, () => receiver.completeMessage(found));
          held.splice(held.indexOf(found), 1);
          return done;
        } finally {
          // A lock that cannot be given back ends by itself.
          await Promise.allSettled(held.map((message) => receiver.abandonMessage(message)));
        }
      }),
  };
}

async function guarded<T>(operation: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new InfrastructureError('service_bus', operation, error);
  }
}

function openReceiver(client: ServiceBusClient, queue: string): ServiceBusReceiver {
  return client.createReceiver(queue, {
    subQueueType: 'deadLetter',
    receiveMode: 'peekLock',
    maxAutoLockRenewalDurationInMs: 0,
    skipParsingBodyAsJson: true,
  });
}

/** Service Bus may answer with fewer than were asked for, though more are there; only none at all is the end. */
async function peek(
  receiver: ServiceBusReceiver,
  limit: number,
  from: string | undefined,
): Promise<ServiceBusReceivedMessage[]> {
  const found = from === undefined ? [] : await peekAt(receiver, from, limit);
  if (from !== undefined && found.length === 0) return found;
  while (found.length < limit) {
    const more = await receiver.peekMessages(limit - found.length);
    if (more.length === 0) break;
    found.push(...more);
  }
  return found;
}

/** The SDK takes numbers of a class that only its messages have: the number is counted from that of the first one. */
async function peekAt(
  receiver: ServiceBusReceiver,
  from: string,
  limit: number,
): Promise<ServiceBusReceivedMessage[]> {
  const [first] = await receiver.peekMessages(1);
  const number = first?.sequenceNumber;
  if (!number) return [];
  return receiver.peekMessages(limit, { fromSequenceNumber: number.sub(number).add(from) });
}

/** Puts every message that it holds into `held`. */
async function search(
  receiver: ServiceBusReceiver,
  sequenceNumber: string,
  held: ServiceBusReceivedMessage[],
): Promise<ServiceBusReceivedMessage | undefined> {
  const end = performance.now() + SEARCH_WITHIN_MS;
  while (held.length < MAX_HELD && performance.now() < end) {
    const batch = await receiver.receiveMessages(BATCH, { maxWaitTimeInMs: FIRST_WAIT_MS });
    held.push(...batch);
    const found = batch.find((message) => message.sequenceNumber?.toString() === sequenceNumber);
    if (found || batch.length === 0) return found;
  }
  return undefined;
}

async function resend(
  client: ServiceBusClient,
  queue: string,
  message: ServiceBusReceivedMessage,
  messageId: string,
): Promise<void> {
  const sender = client.createSender(queue);
  await sender.sendMessages({ ...message, messageId });
}

function toDeadLetter(message: ServiceBusReceivedMessage): DeadLetter {
  const body: unknown = message.body;
  const text = Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body ?? null);
  return {
    sequenceNumber: message.sequenceNumber?.toString() ?? '',
    messageId: String(message.messageId ?? ''),
    enqueuedAt: message.enqueuedTimeUtc,
    reason: message.deadLetterReason,
    description: message.deadLetterErrorDescription,
    deliveryCount: message.deliveryCount ?? 0,
    body: Buffer.isBuffer(body) ? parse(text) : body,
    size: Buffer.isBuffer(body) ? body.length : Buffer.byteLength(text),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
