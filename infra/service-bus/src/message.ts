/** The fields of a message that a queue uses. All others pass through unchanged. */
export interface Message {
  readonly messageId: string;
  readonly timeToLiveMs?: number;
  /** Milliseconds since the epoch. A time in the past means at once. */
  readonly scheduledFor?: number;
}

/** An application property that was set after the message was sent: text, or a value in AMQP encoding. */
export type PropertyValue = string | Buffer;
export type Properties = ReadonlyMap<string, PropertyValue>;

export const NO_PROPERTIES: Properties = new Map();

/** The part of a stored message that survives a restart. */
export interface KeptMessage<M extends Message> {
  /** Stays the same for as long as the queue holds the message: its first sequence number. */
  readonly id: number;
  readonly message: M;
  readonly sequenceNumber: number;
  readonly enqueuedAt: number;
  /** Number of failed deliveries: 0 during the first delivery. */
  readonly deliveryCount: number;
  readonly properties: Properties;
  readonly state: 'active' | 'scheduled';
}

/** A message as a queue holds it. */
export interface StoredMessage<M extends Message> extends KeptMessage<M> {
  /** `Infinity` when it never expires. */
  readonly expiresAt: number;
  readonly lock: { readonly token: string; readonly until: number } | undefined;
}

export function withProperties(properties: Properties, more: Properties): Properties {
  return more.size === 0 ? properties : new Map([...properties, ...more]);
}

/** Returns the application properties with the reason why a message was dead-lettered. */
export function deadLetterReason(reason?: string | null, description?: string | null): Properties {
  const properties = new Map<string, PropertyValue>();
  if (reason != null) properties.set('DeadLetterReason', reason);
  if (description != null) properties.set('DeadLetterErrorDescription', description);
  return properties;
}
