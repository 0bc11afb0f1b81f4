import type { RetryOptions, ServiceBusClient, ServiceBusSender } from '@azure/service-bus';
import type { Config } from '../config/config.ts';
import { InfrastructureError } from '../base/errors.ts';

export interface OutgoingMessage {
  /** Within the queue's window a second message with this id is dropped. */
  readonly messageId: string;
  readonly body: object;
  /** Not delivered before this time. */
  readonly notBefore?: Date;
}

/** Sends to queues. @throws InfrastructureError when the message may not have been accepted: send it again. */
export interface MessageSender {
  send(queue: string, message: OutgoingMessage): Promise<void>;
}

/** The SDK is imported with the first message, so that no cold start pays for it. */
export function openMessageSender(connection: Config['serviceBus']): MessageSender {
  let client: Promise<ServiceBusClient> | undefined;
  const senders = new Map<string, ServiceBusSender>();
  return {
    async send(queue, message) {
      try {
        const opened = await (client ??= openClient(connection));
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

/** For the files of this room that speak to Service Bus. Imports the SDK; connects with the first use. */
export async function openClient(
  connection: Config['serviceBus'],
  retryOptions: RetryOptions = retries,
): Promise<ServiceBusClient> {
  const { ServiceBusClient } = await import('@azure/service-bus');
  const options = { retryOptions };
  if ('connectionString' in connection) return new ServiceBusClient(connection.connectionString, options);
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new ServiceBusClient(connection.fullyQualifiedNamespace, new DefaultAzureCredential(), options);
}

/** A caller waits for the send, so the SDK's default of three tries of a minute each is too long. */
const retries = { maxRetries: 2, retryDelayInMs: 500, timeoutInMs: 10_000 };
