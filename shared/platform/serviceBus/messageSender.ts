import type { RetryOptions, ServiceBusClient, ServiceBusSender } from '@azure/service-bus';
import { InfrastructureError } from '../base/errors.ts';
import { lazily } from '../base/lazily.ts';
import type { AppIdentity } from '../managedIdentity/appIdentity.ts';

/** A Service Bus namespace, and how to sign in to it. */
export type ServiceBusConnection =
  | { readonly connectionString: string }
  | { readonly fullyQualifiedNamespace: string; readonly identity: AppIdentity };

export interface OutgoingMessage {
  /** The queue discards a second message with this id within its duplicate detection window. */
  readonly messageId: string;
  readonly body: object;
  /** The queue delivers the message at this time or later. */
  readonly notBefore?: Date;
}

/** Sends messages to queues. @throws InfrastructureError when the queue may not have accepted the message: send it again. */
export interface MessageSender {
  send(queue: string, message: OutgoingMessage): Promise<void>;
}

/** Imports the SDK with the first message, so that no cold start waits for it. */
export function openMessageSender(connection: ServiceBusConnection): MessageSender {
  const client = lazily(() => openClient(connection));
  const senders = new Map<string, ServiceBusSender>();
  return {
    async send(queue, message) {
      try {
        const opened = await client();
        let sender = senders.get(queue);
        if (!sender) senders.set(queue, (sender = opened.createSender(queue)));
        await sender.sendMessages({
          messageId: message.messageId,
          contentType: 'application/json',
          body: message.body,
          ...(message.notBefore && { scheduledEnqueueTimeUtc: message.notBefore }),
        });
      } catch (error) {
        throw new InfrastructureError('service_bus', `send to ${queue}`, error);
      }
    },
  };
}

/** For the files of this folder. Imports the SDK. The client connects with its first use. */
export async function openClient(
  connection: ServiceBusConnection,
  retryOptions: RetryOptions = retries,
): Promise<ServiceBusClient> {
  const { ServiceBusClient } = await import('@azure/service-bus');
  const options = { retryOptions };
  return 'connectionString' in connection
    ? new ServiceBusClient(connection.connectionString, options)
    : new ServiceBusClient(connection.fullyQualifiedNamespace, connection.identity, options);
}

/** A caller waits for the send. The default of the SDK, three retries of a minute each, is too long. */
const retries = { maxRetries: 2, retryDelayInMs: 500, timeoutInMs: 10_000 };
