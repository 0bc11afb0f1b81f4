import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { InfrastructureError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { openClient, type ServiceBusConnection } from './messageSender.ts';

/** A message in a dead-letter queue. */
export interface DeadLetter {
  /** Identifies the message. It has 64 bits, more than a number holds exactly. */
  readonly sequenceNumber: string;
  readonly messageId: string;
  readonly enqueuedAt: Date | undefined;
  readonly reason: string | undefined;
  readonly description: string | undefined;
  readonly deliveryCount: number;
  /** The parsed JSON, or `undefined` where the body is not JSON. */
  readonly body: unknown;
  /** Bytes of the body. */
  readonly size: number;
}

/** Sends the dead letter, unchanged, to its queue under this message id. */
export type Resend = (messageId: string) => Promise<void>;

/** The dead-letter queues of queues. @throws InfrastructureError when Service Bus does not answer. */
export interface DeadLetterQueues {
  /**
   * Returns dead letters in the order of their sequence numbers, beginning with `from`. Fewer than `limit` are all. They stay in
   * the queue.
   */
  list(queue: string, limit: number, from?: string): Promise<readonly DeadLetter[]>;
  /**
   * Locks one dead letter, acts, and then removes it. An act that throws leaves it in the queue. Returns `undefined` without
   * acting when the lock failed: another receiver holds or has removed it, or too many messages are before it.
   */
  take<T>(queue: string, sequenceNumber: string, act: (resend: Resend) => Promise<T>): Promise<T | undefined>;
}

/** A caller waits for the answer. */
const retries = { maxRetries: 1, retryDelayInMs: 500, timeoutInMs: 5_000 };
const MAX_PEEKED = 100;
/** Messages that one receive asks for. */
const BATCH = 50;
/** A search locks every message before the wanted one, and Service Bus counts each lock as a delivery. */
const MAX_HELD = 500;
/** The first lock, of 30 seconds, must outlast the search and the act. */
const SEARCH_TIMEOUT_MS = 8_000;
/** Time to wait for the first message of a batch. */
const FIRST_WAIT_MS = 5_000;

/** Opens a client for each call: operators call seldom, and a client continues where its last peek ended. */
export function openDeadLetterQueues(connection: ServiceBusConnection): DeadLetterQueues {
  async function withClient<T>(use: (client: ServiceBusClient) => Promise<T>): Promise<T> {
    const client = await openClient(connection, retries);
    try {
      return await use(client);
    } finally {
      // Nothing depends on the close. The connection ends with its last reference in any case.
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
          // A lock that cannot be released expires by itself.
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

/** Service Bus may return fewer messages than requested although there are more. Only an empty answer is the end. */
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

/** The SDK takes numbers of a class that it does not export. So the number is computed from that of the first message. */
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

/** Adds every message that it locks to `held`. */
async function search(
  receiver: ServiceBusReceiver,
  sequenceNumber: string,
  held: ServiceBusReceivedMessage[],
): Promise<ServiceBusReceivedMessage | undefined> {
  const end = performance.now() + SEARCH_TIMEOUT_MS;
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
    body: Buffer.isBuffer(body) ? parseJson(text) : body,
    size: Buffer.isBuffer(body) ? body.length : Buffer.byteLength(text),
  };
}
