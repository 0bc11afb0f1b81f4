import type { ServiceBusClient } from '@azure/service-bus';
import type { Config } from '../config/config.ts';
import { openClient } from './messageSender.ts';

/** `forbidden`: this app may not receive from it. `unreachable`: no answer in time. */
export type QueueState = 'present' | 'missing' | 'forbidden' | 'unreachable';

/** Asks Service Bus for each of the queues, all at once. Never throws: what cannot be asked is unreachable. */
export type AskQueues = (
  names: readonly string[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, QueueState>>;

/** Someone waits for the answer. */
const retries = { maxRetries: 0, timeoutInMs: 5_000 };

const states: Readonly<Record<string, QueueState>> = {
  MessagingEntityNotFound: 'missing',
  MessagingEntityDisabled: 'missing',
  UnauthorizedAccess: 'forbidden',
};

/** A queue is there when it lets itself be looked into, which leaves its messages where they are. */
export const openAskQueues =
  (connection: Config['serviceBus']): AskQueues =>
  async (names, signal) => {
    const client = await openClient(connection, retries);
    try {
      const asked = names.map(async (name) => [name, await ask(client, name, signal)] as const);
      return new Map(await Promise.all(asked));
    } finally {
      // The answers count; the connection ends with its last reference in any case.
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
