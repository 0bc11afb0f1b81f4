import { randomUUID } from 'node:crypto';
import {
  AmqpDecodeError,
  contentAt,
  encodedNull,
  encodeInt,
  encodeList,
  encodeLong,
  encodeMap,
  encodeString,
  encodeSymbol,
  encodeTimestamp,
  encodeUint,
  itemsAt,
  numberOf,
  present,
  skipValue,
  textOf,
} from './amqpEncoding.ts';
import type { Message, Properties, StoredMessage } from './message.ts';

/** A message as its sender encoded it: header and annotations are rewritten on delivery, the rest stays as it is. */
export interface WireMessage extends Message {
  /** The header's durable and priority, encoded. */
  readonly header: Buffer;
  /** The sender's annotations, encoded: keys and values by turns. */
  readonly annotations: { readonly count: number; readonly bytes: Buffer };
  /** All sections after the annotations. */
  readonly bare: Buffer;
}

/** Codes of the sections of a message, in their order (AMQP 1.0, part 3, section 3.2). */
const HEADER = 0x70;
const ANNOTATIONS = 0x72;
const PROPERTIES = 0x73;
const APPLICATION_PROPERTIES = 0x74;
const DATA = 0x75;
const VALUE = 0x77;
const FOOTER = 0x78;

const STRING_CODES: ReadonlySet<number | undefined> = new Set([0xa1, 0xb1]);

const OWN_ANNOTATIONS: ReadonlySet<string> = new Set([
  'x-opt-sequence-number',
  'x-opt-enqueue-sequence-number',
  'x-opt-enqueued-time',
  'x-opt-locked-until',
  'x-opt-message-state',
]);
const SEQUENCE_NUMBER = encodeSymbol('x-opt-sequence-number');
const ENQUEUE_SEQUENCE_NUMBER = encodeSymbol('x-opt-enqueue-sequence-number');
const ENQUEUED_TIME = encodeSymbol('x-opt-enqueued-time');
const LOCKED_UNTIL = encodeSymbol('x-opt-locked-until');
const STATE = encodeSymbol('x-opt-message-state');
const MAX_UINT = 2 ** 32 - 1;
const STATE_CODES = { active: 0, scheduled: 2 } as const;

interface Section {
  readonly code: number;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** @throws AmqpDecodeError when the bytes are no AMQP message. */
export function decodeMessage(bytes: Buffer): WireMessage {
  const sections = sectionsOf(bytes);
  const [durable, priority, ttl] = itemsOf(bytes, sections, HEADER);
  const annotations = pairsOf(itemsOf(bytes, sections, ANNOTATIONS));
  const timeToLiveMs = numberOf(ttl);
  const scheduledFor = numberOf(annotations.get('x-opt-scheduled-enqueue-time')?.[1]);
  const messageId = present(itemsOf(bytes, sections, PROPERTIES)[0]);
  const bare = messageId ? { bytes: bareOf(bytes, sections), messageId } : withNewMessageId(bytes, sections);
  for (const key of OWN_ANNOTATIONS) annotations.delete(key);
  // Read now, so that a message is refused to its sender and fails no receiver when a property is added later.
  pairsOf(itemsOf(bytes, sections, APPLICATION_PROPERTIES));
  return {
    messageId: identityOf(bare.messageId),
    ...(timeToLiveMs !== undefined && { timeToLiveMs }),
    ...(scheduledFor !== undefined && { scheduledFor }),
    // All copies: what arrives is a view of a socket's buffer, which one small message would keep alive as a whole.
    header: Buffer.concat([durable ?? encodedNull, priority ?? encodedNull]),
    annotations: { count: 2 * annotations.size, bytes: Buffer.concat([...annotations.values()].flat()) },
    bare: Buffer.from(bare.bytes),
  };
}

/** The messages of a batch: its data sections hold one complete message each. */
export function decodeBatch(bytes: Buffer): WireMessage[] {
  return sectionsOf(bytes)
    .filter((section) => section.code === DATA)
    .map((section) => {
      const { start, end } = contentAt(bytes, section.valueStart);
      return decodeMessage(bytes.subarray(start, end));
    });
}

/** The message as a receiver gets it. */
export function encodeDelivery(stored: StoredMessage<WireMessage>): Buffer {
  return encode(stored, stored.lock ? [LOCKED_UNTIL, encodeTimestamp(stored.lock.until)] : []);
}

/** The message as a peek shows it. */
export function encodePeeked(stored: StoredMessage<WireMessage>): Buffer {
  return encode(stored, [STATE, encodeInt(STATE_CODES[stored.state])]);
}

/** The application properties in an encoded map. */
export function decodeProperties(map: Buffer): Properties {
  return new Map([...pairsOf(itemsAt(map, 0))].map(([name, [, value]]) => [name, Buffer.from(value)]));
}

/** The entries of the map that is a message's body, encoded. */
export function decodeBodyMap(bytes: Buffer): Map<string, Buffer> {
  const entries = pairsOf(itemsOf(bytes, sectionsOf(bytes), VALUE));
  return new Map([...entries].map(([name, [, value]]) => [name, value]));
}

function encode(stored: StoredMessage<WireMessage>, ownAnnotations: readonly Buffer[]): Buffer {
  const { header, annotations, bare } = stored.message;
  const parts = [
    annotations.bytes,
    ...[SEQUENCE_NUMBER, encodeLong(stored.sequenceNumber)],
    ...[ENQUEUE_SEQUENCE_NUMBER, encodeLong(stored.sequenceNumber)],
    ...[ENQUEUED_TIME, encodeTimestamp(stored.enqueuedAt)],
    ...ownAnnotations,
  ];
  return Buffer.concat([
    // The delivery count is written even when it is 0: the .NET client fails to read a message without it.
    section(
      HEADER,
      encodeList(5, [header, timeToLive(stored), encodedNull, encodeUint(stored.deliveryCount)]),
    ),
    section(ANNOTATIONS, encodeMap(annotations.count + parts.length - 1, parts)),
    stored.properties.size === 0 ? bare : withApplicationProperties(bare, stored.properties),
  ]);
}

/** The sender's, or the queue's when that is shorter. */
function timeToLive({ message, enqueuedAt, expiresAt }: StoredMessage<WireMessage>): Buffer {
  const timeToLiveMs = expiresAt === Infinity ? message.timeToLiveMs : expiresAt - enqueuedAt;
  return timeToLiveMs === undefined || timeToLiveMs > MAX_UINT ? encodedNull : encodeUint(timeToLiveMs);
}

function withApplicationProperties(bare: Buffer, properties: Properties): Buffer {
  const sections = sectionsOf(bare);
  const pairs = pairsOf(itemsOf(bare, sections, APPLICATION_PROPERTIES));
  for (const [name, value] of properties) {
    pairs.set(name, [encodeString(name), typeof value === 'string' ? encodeString(value) : value]);
  }
  const map = encodeMap(2 * pairs.size, [...pairs.values()].flat());
  return replaceSection(bare, sections, APPLICATION_PROPERTIES, map);
}

function withNewMessageId(bytes: Buffer, sections: readonly Section[]): { bytes: Buffer; messageId: Buffer } {
  const messageId = encodeString(randomUUID().replaceAll('-', ''));
  const items = [messageId, ...itemsOf(bytes, sections, PROPERTIES).slice(1)];
  const bare = bareOf(bytes, sections);
  const replaced = replaceSection(bare, sectionsOf(bare), PROPERTIES, encodeList(items.length, items));
  return { bytes: replaced, messageId };
}

/** Replaces a section, or inserts it at its place. */
function replaceSection(bytes: Buffer, sections: readonly Section[], code: number, value: Buffer): Buffer {
  const next = sections.find((other) => other.code >= code);
  const start = next?.start ?? bytes.length;
  const end = next?.code === code ? next.end : start;
  return Buffer.concat([bytes.subarray(0, start), section(code, value), bytes.subarray(end)]);
}

function bareOf(bytes: Buffer, sections: readonly Section[]): Buffer {
  return bytes.subarray(sections.find((section) => section.code >= PROPERTIES)?.start ?? bytes.length);
}

function section(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x00, 0x53, code), value]);
}

function sectionsOf(bytes: Buffer): Section[] {
  const sections: Section[] = [];
  for (let start = 0; start < bytes.length;) {
    const valueStart = bytes[start] === 0x00 ? skipValue(bytes, start + 1) : undefined;
    const code = valueStart && numberOf(bytes.subarray(start + 1, valueStart));
    if (!valueStart || !code || code < HEADER || code > FOOTER) {
      throw new AmqpDecodeError(`no section of a message at ${start}`);
    }
    const end = skipValue(bytes, valueStart);
    sections.push({ code, start, valueStart, end });
    start = end;
  }
  return sections;
}

function itemsOf(bytes: Buffer, sections: readonly Section[], code: number): Buffer[] {
  const found = sections.find((section) => section.code === code);
  return found ? itemsAt(bytes, found.valueStart) : [];
}

/** The keys and values of a map, encoded, by the text of their keys. */
function pairsOf(items: readonly Buffer[]): Map<string, [Buffer, Buffer]> {
  const pairs = new Map<string, [Buffer, Buffer]>();
  for (let index = 0; index + 1 < items.length; index += 2) {
    const [key, value] = items.slice(index, index + 2);
    if (key && value) pairs.set(textOf(key), [key, value]);
  }
  return pairs;
}

/** A text id as it is; any other (number, uuid, binary) in its encoding, which no text id begins like. */
function identityOf(messageId: Buffer): string {
  return STRING_CODES.has(messageId[0]) ? textOf(messageId) : `\0${messageId.toString('hex')}`;
}
