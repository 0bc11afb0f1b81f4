/** What a queue must know of a message; the rest is the sender's and passes through untouched. */
export interface Message {
  readonly messageId: string;
  readonly timeToLiveMs?: number;
  /** Milliseconds since the epoch; a moment that has passed means at once. */
  readonly scheduledFor?: number;
}

/** An application property set after the message was sent: text, or a value in the encoding of who set it. */
export type PropertyValue = string | Buffer;
export type Properties = ReadonlyMap<string, PropertyValue>;

export const NO_PROPERTIES: Properties = new Map();

/** A message as a queue holds it. */
export interface StoredMessage<M extends Message> {
  readonly message: M;
  readonly sequenceNumber: number;
  readonly enqueuedAt: number;
  /** Deliveries that have failed: 0 while the message is delivered for the first time. */
  readonly deliveryCount: number;
  readonly properties: Properties;
  readonly state: 'active' | 'scheduled';
  /** `Infinity` when it never expires. */
  readonly expiresAt: number;
  readonly lock: { readonly token: string; readonly until: number } | undefined;
}

export function withProperties(properties: Properties, more: Properties): Properties {
  return more.size === 0 ? properties : new Map([...properties, ...more]);
}

/** The application properties that say why a message was dead-lettered. */
export function deadLetterReason(reason?: string | null, description?: string | null): Properties {
  const properties = new Map<string, PropertyValue>();
  if (reason != null) properties.set('DeadLetterReason', reason);
  if (description != null) properties.set('DeadLetterErrorDescription', description);
  return properties;
}
