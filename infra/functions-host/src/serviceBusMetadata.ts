import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { TypedData } from './coreTypes.ts';

/** The message as a function gets it: text, which the library then parses when it looks like JSON, or bytes. */
export function messageData({ body }: Pick<ServiceBusReceivedMessage, 'body'>, dataType: unknown): TypedData {
  if (Buffer.isBuffer(body))
    return dataType === 'binary' ? { bytes: body } : { string: body.toString('utf8') };
  return { string: typeof body === 'string' ? body : JSON.stringify(body) };
}

/**
 * What Azure's host says of a message beside its body. Texts go as text, and the library parses those that look like
 * JSON (a message id `123` arrives as a number); all else goes as JSON. Names start with a capital, which the library
 * lowers, in the application properties too. Absent values are left out. Of what Azure sends only the names of its
 * own objects are missing here (`messageReceiver`, `client` and the like), which a function can do nothing with.
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
    // .NET counts the delivery that runs, the JavaScript SDK only those before it.
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

/** The `…Utc` times come from .NET without a zone, so `new Date()` takes them for local time. */
function unspecifiedTime(time: Date | undefined): string | undefined {
  return time?.toISOString().replace('Z', '');
}

function offsetTime(time: Date | undefined): string | undefined {
  return time?.toISOString().replace('Z', '+00:00');
}
