import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { TypedData } from './coreTypes.ts';

/** Returns the message for the function: text, which the library parses when it looks like JSON, or bytes. */
export function messageData({ body }: Pick<ServiceBusReceivedMessage, 'body'>, dataType: unknown): TypedData {
  if (Buffer.isBuffer(body))
    return dataType === 'binary' ? { bytes: body } : { string: body.toString('utf8') };
  return { string: typeof body === 'string' ? body : JSON.stringify(body) };
}

/**
 * Returns the trigger metadata of a message. Texts are sent as text, and the library parses those that look like JSON (a
 * message id `123` arrives as a number). Other values are sent as JSON. Names start with a capital, which the library
 * lowers, also in the application properties. Absent values are omitted. The names of Azure's own objects
 * (`messageReceiver`, `client`, …) are missing, because a function cannot use them.
 */
export function messageMetadata(message: ServiceBusReceivedMessage): Record<string, TypedData> {
  const texts = {
    DeadLetterSource: message.deadLetterSource,
    LockToken: message.lockToken,
    MessageId: message.messageId,
    ContentType: message.contentType,
    ReplyTo: message.replyTo,
    To: message.to,
    Subject: message.subject,
    Label: message.subject,
    CorrelationId: message.correlationId,
    SessionId: message.sessionId,
    ReplyToSessionId: message.replyToSessionId,
    PartitionKey: message.partitionKey,
  };
  const properties = message.applicationProperties ?? {};
  const values = {
    // .NET counts the current delivery too, the JavaScript SDK only earlier ones.
    DeliveryCount: (message.deliveryCount ?? 0) + 1,
    SequenceNumber: message.sequenceNumber && Number(message.sequenceNumber),
    ExpiresAtUtc: unspecifiedTime(message.expiresAtUtc),
    ExpiresAt: offsetTime(message.expiresAtUtc),
    EnqueuedTimeUtc: unspecifiedTime(message.enqueuedTimeUtc),
    EnqueuedTime: offsetTime(message.enqueuedTimeUtc),
    ApplicationProperties: properties,
    UserProperties: properties,
  };
  const metadata: Record<string, TypedData> = {};
  for (const [name, value] of Object.entries(texts)) {
    if (value !== undefined) metadata[name] = { string: String(value) };
  }
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) metadata[name] = { json: JSON.stringify(value) };
  }
  return metadata;
}

/** .NET writes the `…Utc` times without a zone, so `new Date()` reads them as local time. */
function unspecifiedTime(time: Date | undefined): string | undefined {
  return time?.toISOString().replace('Z', '');
}

function offsetTime(time: Date | undefined): string | undefined {
  return time?.toISOString().replace('Z', '+00:00');
}
