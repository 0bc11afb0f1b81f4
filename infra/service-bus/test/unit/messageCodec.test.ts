import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AmqpDecodeError } from '../../src/amqpEncoding.ts';
import { NO_PROPERTIES, type StoredMessage } from '../../src/message.ts';
import {
  decodeBatch,
  decodeMessage,
  encodeDelivery,
  encodePeeked,
  type WireMessage,
} from '../../src/messageCodec.ts';
import { message, type Typed, typedEntries, typedSections, types } from '../support/amqp.ts';

const ENQUEUED_AT = Date.UTC(2026, 0, 1);
const HEADER = 0x70;
const ANNOTATIONS = 0x72;
const PROPERTIES_SECTION = Buffer.of(0x00, 0x53, 0x73);
const VALUE_SECTION = Buffer.of(0x00, 0x53, 0x77);

/** rhea is the independent encoder and decoder of these tests. */
const { encode, decode } = message;

/** The part that nobody but the sender writes. */
const bareOf = (bytes: Buffer): Buffer => bytes.subarray(bytes.indexOf(PROPERTIES_SECTION));

const stored = (
  bytes: Buffer,
  more: Partial<StoredMessage<WireMessage>> = {},
): StoredMessage<WireMessage> => ({
  id: 7,
  message: decodeMessage(bytes),
  sequenceNumber: 7,
  enqueuedAt: ENQUEUED_AT,
  deliveryCount: 0,
  properties: NO_PROPERTIES,
  state: 'active',
  expiresAt: Infinity,
  lock: undefined,
  ...more,
});

/** Values of types that a JavaScript number, string or date would not give back. */
const typedValues = {
  int: types.wrap_int(1),
  long: types.wrap_long(1),
  ulong: types.wrap_ulong(Buffer.from('ffffffffffffffff', 'hex')),
  short: types.wrap_short(-3),
  ubyte: types.wrap_ubyte(200),
  double: types.wrap_double(1),
  char: types.wrap_char(65),
  symbol: types.wrap_symbol('a symbol'),
  uuid: types.wrap_uuid(Buffer.alloc(16, 7)),
  time: types.wrap_timestamp(ENQUEUED_AT),
  none: null,
  list: types.wrap_list([types.wrap_long(1), 'two', [types.wrap_ushort(3)]]),
  array: types.wrap_array([1, 2], 0x81),
};

describe('a delivery', () => {
  test.each([
    { name: 'typed application properties', sent: { application_properties: typedValues } },
    { name: 'binary body', sent: { body: message.data_section(Buffer.from([0, 0x53, 0x73, 255])) } },
    {
      name: 'several data sections',
      sent: { body: message.data_sections([Buffer.from('a'), Buffer.from('b')]) },
    },
    { name: 'sequence body', sent: { body: message.sequence_section([types.wrap_long(1)]) } },
    {
      name: 'described body',
      sent: { body: types.wrap_described(types.wrap_int(1), 'com.example:thing') },
    },
    { name: 'long subject and body', sent: { subject: 's'.repeat(300), body: 'b'.repeat(70_000) } },
    { name: 'footer', sent: { body: 'x', footer: { crc: types.wrap_uint(9) } } },
  ])('carries the bare message byte by byte: $name', ({ sent: fields }) => {
    const sent = encode({ message_id: 'm1', ...fields });
    expect(bareOf(encodeDelivery(stored(sent)))).toEqual(bareOf(sent));
  });

  test('carries what the sender said in the header, and the delivery count', () => {
    const sent = encode({ message_id: 'm', durable: true, priority: 9, ttl: 60_000, delivery_count: 99 });
    const received = decode(encodeDelivery(stored(sent, { deliveryCount: 2 })));
    expect(received).toMatchObject({ durable: true, priority: 9, ttl: 60_000, delivery_count: 2 });
  });

  test('writes a delivery count of 0', () => {
    const header = typedSections(encodeDelivery(stored(encode({ message_id: 'm' })))).get(HEADER);
    const deliveryCount = (header?.value as Typed[])[4];
    expect(deliveryCount?.type.name).toBe('Uint0');
  });

  test('has the time to live that the queue has cut to its own', () => {
    const sent = encode({ message_id: 'm', ttl: 60_000 });
    expect(decode(encodeDelivery(stored(sent, { expiresAt: ENQUEUED_AT + 5_000 }))).ttl).toBe(5_000);
  });

  test('has no time to live when it is longer than the field can say', () => {
    const sent = encode({ message_id: 'm' });
    expect(decode(encodeDelivery(stored(sent, { expiresAt: ENQUEUED_AT + 2 ** 33 }))).ttl).toBeUndefined();
  });

  test('needs nothing of the buffer in which the message came', () => {
    const sent = encode({ message_id: 'm', message_annotations: { a: 'b' }, body: 'b' });
    const message = stored(Buffer.from(sent));
    const inPlace = Buffer.from(sent);
    const taken = stored(inPlace);
    inPlace.fill(0);
    expect(encodeDelivery(taken)).toEqual(encodeDelivery(message));
  });

  test("keeps the sender's annotations in their types and writes its own once", () => {
    const sent = encode({
      message_id: 'm',
      message_annotations: {
        'x-opt-partition-key': 'p',
        'my-long': types.wrap_long(1),
        'x-opt-sequence-number': types.wrap_long(12345),
      },
    });
    const lock = { token: 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c8d', until: ENQUEUED_AT + 30_000 };
    expect(annotationsOf(encodeDelivery(stored(sent, { lock })))).toEqual([
      ['x-opt-partition-key', 'Str8', 'p'],
      ['my-long', 'SmallLong', 1],
      ['x-opt-sequence-number', 'Long', 7],
      ['x-opt-enqueue-sequence-number', 'Long', 7],
      ['x-opt-enqueued-time', 'Timestamp', new Date(ENQUEUED_AT)],
      ['x-opt-locked-until', 'Timestamp', new Date(lock.until)],
    ]);
  });

  test('has properties that were set later beside the others, which keep their types, and in place of older ones', () => {
    const sent = encode({
      message_id: 'm',
      application_properties: { count: types.wrap_long(5), why: 'old' },
      body: 'b',
    });
    const later = new Map<string, string | Buffer>([
      ['why', 'new'],
      ['again', Buffer.of(0x55, 3)],
    ]);
    const received = encodeDelivery(stored(sent, { properties: later }));
    const expected = { count: types.wrap_long(5), why: 'new', again: types.wrap_long(3) };
    expect(bareOf(received)).toEqual(
      bareOf(encode({ message_id: 'm', application_properties: expected, body: 'b' })),
    );
  });

  test('has long texts that were set later', () => {
    const text = 'é'.repeat(200);
    const received = encodeDelivery(
      stored(encode({ message_id: 'm' }), { properties: new Map([['why', text]]) }),
    );
    expect(decode(received).application_properties).toEqual({ why: text });
  });

  test('has properties that were set later although the sender set none', () => {
    const received = encodeDelivery(
      stored(encode({ message_id: 'm', body: 'b' }), { properties: new Map([['a', 'b']]) }),
    );
    expect(decode(received)).toMatchObject({ application_properties: { a: 'b' }, body: 'b' });
  });
});

describe('a peeked message', () => {
  test.each([
    { state: 'active', code: 0 },
    { state: 'scheduled', code: 2 },
  ] as const)('says that it is $state, and of no lock', ({ state, code }) => {
    const lock = { token: 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c8d', until: ENQUEUED_AT };
    const annotations = annotationsOf(encodePeeked(stored(encode({ message_id: 'm' }), { state, lock })));
    expect(annotations).toContainEqual(['x-opt-message-state', 'Int', code]);
    expect(annotations.map(([name]) => name)).not.toContain('x-opt-locked-until');
  });
});

describe('a message id', () => {
  test.each([
    { name: 'no properties at all', sent: { body: 'b' } },
    { name: 'other properties', sent: { subject: 'kept', body: 'b' } },
  ])('is given to a message without one: $name', ({ sent }) => {
    const first = stored(encode(sent));
    const received = decode(encodeDelivery(first));
    expect(received.message_id).toMatch(/^[0-9a-f]{32}$/);
    expect(received.message_id).toBe(first.message.messageId);
    expect(received).toMatchObject(sent);
    expect(stored(encode(sent)).message.messageId).not.toBe(first.message.messageId);
  });

  test('is the same only when type and value are', () => {
    const bytes = Buffer.from('00000000000000000000000000000035', 'hex');
    const ids = [
      '5',
      types.wrap_ulong(5),
      types.wrap_uuid(bytes),
      types.wrap_binary(bytes),
      '55',
      `\0${bytes.toString('hex')}`,
    ];
    const known = ids.map((message_id) => stored(encode({ message_id })).message.messageId);
    expect(new Set(known).size).toBe(ids.length);
    expect(stored(encode({ message_id: types.wrap_ulong(5) })).message.messageId).toBe(known[1]);
  });
});

describe('what a queue needs to know', () => {
  test('a schedule and a time to live are read, and are absent when the sender gave none', () => {
    const scheduled = encode({
      ttl: 5_000,
      message_annotations: { 'x-opt-scheduled-enqueue-time': types.wrap_timestamp(ENQUEUED_AT) },
    });
    expect(decodeMessage(scheduled)).toMatchObject({ timeToLiveMs: 5_000, scheduledFor: ENQUEUED_AT });
    const plain = decodeMessage(encode({ body: 'b' }));
    expect(plain).not.toHaveProperty('timeToLiveMs');
    expect(plain).not.toHaveProperty('scheduledFor');
  });
});

test('a batch is the messages in its data sections, and nothing of its envelope', () => {
  const messages = ['a', 'b', 'c'].map((message_id) =>
    encode({ message_id, subject: 's', body: message_id }),
  );
  const envelope = encode({ message_id: 'a', subject: 's', body: message.data_sections(messages) });
  const batch = decodeBatch(envelope);
  expect(batch.map(({ messageId }) => messageId)).toEqual(['a', 'b', 'c']);
  expect(batch.map(({ bare }) => bare)).toEqual(messages.map(bareOf));
});

describe('bytes that are no message', () => {
  const whole = encode({
    message_id: 'm',
    message_annotations: { a: 1 },
    application_properties: typedValues,
    body: 'b',
  });

  test('are refused wherever they are cut off, except between two sections', () => {
    const accepted = [...whole.keys()].filter((length) => isMessage(whole.subarray(0, length)));
    const starts = [...whole.keys()].filter(
      (at) => whole[at] === 0 && whole[at + 1] === 0x53 && (whole[at + 2] ?? 0) >= 0x70,
    );
    expect(accepted).toEqual(starts);
  });

  test('are refused whatever they are', () => {
    const changed = fc
      .tuple(fc.nat(whole.length - 1), fc.nat(255))
      .map(([at, byte]) => Buffer.from(whole).fill(byte, at, at + 1));
    const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(changed, any), (bytes) => {
        isMessage(bytes);
        isMessage(bytes, decodeBatch);
      }),
      { numRuns: 2_000 },
    );
  });

  test('are refused when they have another section, or a list that holds more than its size', () => {
    expect(isMessage(Buffer.from('00531040', 'hex'))).toBe(false);
    expect(isMessage(Buffer.from('00537940', 'hex'))).toBe(false);
    expect(isMessage(Buffer.from('005373c0020140' + '00537740', 'hex'))).toBe(true);
    expect(isMessage(Buffer.from('005373c0020240' + '00537740', 'hex'))).toBe(false);
  });

  test('are refused when a name of a property is no text', () => {
    const properties = typesMap(new Map([[5, 'a number for a name']]));
    expect(isMessage(Buffer.concat([Buffer.of(0x00, 0x53, 0x74), properties]))).toBe(false);
  });

  test('are refused when they nest without end', () => {
    expect(isMessage(Buffer.alloc(262_144))).toBe(false);
    expect(isMessage(Buffer.alloc(262_144, Buffer.of(0x00, 0x53, 0x73, 0x00, 0x53)))).toBe(false);
  });
});

/** Whether the bytes can be read. @throws what is no AmqpDecodeError */
function isMessage(bytes: Buffer, read: (bytes: Buffer) => unknown = decodeMessage): boolean {
  try {
    read(bytes);
    return true;
  } catch (error) {
    if (error instanceof AmqpDecodeError) return false;
    throw error;
  }
}

/** Name, AMQP type and value of each annotation, in their order. */
function annotationsOf(bytes: Buffer): [string, string, unknown][] {
  const annotations = typedEntries(typedSections(bytes).get(ANNOTATIONS));
  return annotations.map(([name, { type, value }]) => [name, type.name, value]);
}

/** A map with any keys, encoded. */
function typesMap(map: ReadonlyMap<unknown, unknown>): Buffer {
  const body = encode({ body: map });
  return body.subarray(body.indexOf(VALUE_SECTION) + VALUE_SECTION.length);
}
