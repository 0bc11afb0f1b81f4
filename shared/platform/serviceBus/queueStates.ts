import type { ServiceBusClient } from '@azure/service-bus';
import { openClient, type ServiceBusConnection } from './messageSender.ts';

/** `forbidden`: this app may not receive from the queue. `unreachable`: Service Bus did not answer in time. */
export type QueueState = 'present' | 'missing' | 'forbidden' | 'unreachable';

/** Returns the state of each queue, asked for all at once. It never throws: after an error the queue is unreachable. */
export type AskQueues = (
  names: readonly string[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, QueueState>>;

/** A caller waits for the answer. */
const retries = { maxRetries: 0, timeoutInMs: 5_000 };

const states: Readonly<Record<string, QueueState>> = {
  MessagingEntityNotFound: 'missing',
  MessagingEntityDisabled: 'missing',
  UnauthorizedAccess: 'forbidden',
};

/** A queue is present when it can be peeked, which leaves its messages in place. */
export const openAskQueues =
  (connection: ServiceBusConnection): AskQueues =>
  async (names, signal) => {
    const client = await openClient(connection, retries);
    try {
      const asked = names.map(async (name) => [name, await ask(client, name, signal)] as const);
      return new Map(await Promise.all(asked));
    } finally {
      // Nothing depends on the close. The connection ends with its last reference in any case.
      void client.close().catch(() => undefined);
    }
  };

async function ask(client: ServiceBusClient, name: string, signal: AbortSignal): Promise<QueueState> {
  try {
    const receiver = client.createReceiver(name, { receiveMode: 'peekLock', skipParsingBodyAsJson: true });
    await receiver.peekMessages(1, { abortSignal: signal });
    return 'present';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return states[code] ?? 'unreachable';
  }
}
