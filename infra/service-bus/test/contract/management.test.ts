import { describe, expect, test } from 'vitest';
import { message, type Typed, typedEntries, typedSections, types } from '../support/amqp.ts';
import type { RawReply } from '../support/rawAmqpLinks.ts';
import { encodeOrder, useRawQueue } from '../support/rawQueue.ts';

/** The operations of a queue's `$management`, with the types that the .NET client takes for an answer. */
const orders = useRawQueue();

const APPLICATION_PROPERTIES = 0x74;
/** Type codes. */
const LONG = 0x81;
const TIMESTAMP = 0x83;
const UUID = 0x98;

describe('$management', () => {
  async function manage(operation: string, body: object): Promise<RawReply> {
    const requests = await orders.client.openRequests('orders/$management');
    const common = {
      'com.microsoft:server-timeout': types.wrap_uint(60_000),
      'com.microsoft:tracking-id': 'tracked',
      'associated-link-name': 'a-link',
    };
    return requests.request({ operation: `com.microsoft:${operation}`, ...common }, body);
  }

  /** Locks a message, and names its lock as the management operations do. */
  async function lockTokens(): Promise<Typed> {
    await orders.send('a');
    const { delivery } = await (await orders.receive(1)).next();
    return types.wrap_array([guidOf(delivery.tag as Buffer)], UUID);
  }

  const lostTokens = types.wrap_array([Buffer.alloc(16, 1)], UUID);

  test('renew-lock answers an array of timestamps', async () => {
    const { properties, body } = await manage('renew-lock', { 'lock-tokens': await lockTokens() });
    expect(properties.get('statusCode')).toMatchObject(int(200));
    const expirations = body.get('expirations');
    expect([expirations?.type.name, expirations?.array_constructor?.typecode]).toEqual([
      'Array32',
      TIMESTAMP,
    ]);
    expect(Number((expirations?.value as Typed[])[0]?.value)).toBeGreaterThan(Date.now() + 25_000);
  });

  test.each(['renew-lock', 'update-disposition'])(
    '%s answers a lost lock with a symbol',
    async (operation) => {
      const { properties } = await manage(operation, {
        'lock-tokens': lostTokens,
        'disposition-status': 'completed',
      });
      expect(properties.get('statusCode')).toMatchObject(int(410));
      expect(properties.get('errorCondition')).toMatchObject({
        type: { name: 'Sym8' },
        value: 'com.microsoft:message-lock-lost',
      });
    },
  );

  test('peek-message answers a list of maps, or 204', async () => {
    const range = { 'from-sequence-number': types.wrap_long(0), 'message-count': types.wrap_int(10) };
    expect((await manage('peek-message', range)).properties.get('statusCode')).toMatchObject(int(204));
    await orders.send('a', 'b');
    const messages = (await manage('peek-message', range)).body.get('messages');
    expect(messages?.type.name).toBe('List32');
    const [first] = messages?.value as Typed[];
    const encoded = new Map(typedEntries(first)).get('message');
    expect(encoded?.type.name).toMatch(/^Vbin/);
    expect(message.decode(encoded?.value as Buffer).message_id).toBe('a');
  });

  test('schedule-message answers an array of longs, by which cancel-scheduled-message cancels', async () => {
    const at = types.wrap_timestamp(Date.now() + 60_000);
    const scheduled = encodeOrder('later', { message_annotations: { 'x-opt-scheduled-enqueue-time': at } });
    const entry = { 'message-id': 'later', message: types.wrap_binary(scheduled) };
    const numbers = (await manage('schedule-message', { messages: types.wrap_list([entry]) })).body.get(
      'sequence-numbers',
    );
    expect([numbers?.type.name, numbers?.array_constructor?.typecode]).toEqual(['Array32', LONG]);
    expect(orders.broker.queue('orders').counts().scheduled).toBe(1);
    const toCancel = (numbers?.value as Typed[]).map(({ value }) => value);
    const cancellation = { 'sequence-numbers': types.wrap_array(toCancel, LONG) };
    const cancelled = await manage('cancel-scheduled-message', cancellation);
    expect(cancelled.properties.get('statusCode')).toMatchObject(int(200));
    expect(orders.held()).toEqual([]);
    const again = await manage('cancel-scheduled-message', cancellation);
    expect(again.properties.get('statusCode')).toMatchObject(int(404));
    expect(again.properties.get('errorCondition')?.value).toBe('com.microsoft:message-not-found');
  });

  test.each([
    { status: 'completed', left: [], dead: [] },
    { status: 'abandoned', left: ['a'], dead: [] },
    { status: 'suspended', left: [], dead: ['a'] },
  ])(
    'update-disposition $status works for a message that a live link holds',
    async ({ status, left, dead }) => {
      const { properties } = await manage('update-disposition', {
        'lock-tokens': await lockTokens(),
        'disposition-status': status,
        'deadletter-reason': 'why',
        'properties-to-modify': types.wrap_map({ tries: types.wrap_long(1) }),
      });
      expect(properties.get('statusCode')).toMatchObject(int(200));
      expect([orders.held(), orders.held('dead')]).toEqual([left, dead]);
    },
  );

  test('properties that update-disposition sets keep the types they were given', async () => {
    const properties = { long: types.wrap_long(1), int: types.wrap_int(1), symbol: types.wrap_symbol('s') };
    await manage('update-disposition', {
      'lock-tokens': await lockTokens(),
      'disposition-status': 'abandoned',
      'properties-to-modify': types.wrap_map(properties),
    });
    const { bytes } = await (await orders.receive(1)).next();
    const received = new Map(typedEntries(typedSections(bytes).get(APPLICATION_PROPERTIES)));
    expect([...received].map(([name, { type }]) => [name, type.name])).toEqual([
      ['long', 'SmallLong'],
      ['int', 'SmallInt'],
      ['symbol', 'Sym8'],
    ]);
  });

  test.each([
    { operation: 'receive-by-sequence-number', feature: 'deferral' },
    { operation: 'renew-session-lock', feature: 'sessions' },
    { operation: 'add-rule', feature: 'topics' },
    { operation: 'brew-coffee', feature: 'brew-coffee' },
  ])('$operation is refused by name', async ({ operation, feature }) => {
    const { properties } = await manage(operation, {});
    expect(properties.get('statusCode')).toMatchObject(int(501));
    expect(properties.get('errorCondition')?.value).toBe('amqp:not-implemented');
    expect(properties.get('statusDescription')?.value).toContain(feature);
  });

  test('a request without what its operation needs is answered too', async () => {
    const { properties } = await manage('renew-lock', {});
    expect(properties.get('statusCode')).toMatchObject(int(400));
  });
});

describe('what the broker does not do', () => {
  test.each(['a-session', null])('a session receiver (%s) is refused by name', async (sessionId) => {
    const filter = { 'com.microsoft:session-filter': sessionId };
    const { condition, description } = await orders.client.attachReceiver('/orders', { filter }).closed;
    expect([condition, description]).toEqual(['amqp:not-implemented', expect.stringContaining('sessions')]);
    // The JavaScript SDK tells its user something else.
    expect(orders.reports).toEqual([expect.stringContaining('sessions')]);
  });

  test('a deferral is refused by name, and the message stays locked', async () => {
    await orders.send('a');
    const receiver = await orders.receive(1);
    const answer = await receiver.settle(
      await receiver.next(),
      message.modified({ undeliverable_here: true }),
    );
    expect(answer).toMatchObject({ outcome: 'rejected', error: { condition: 'amqp:not-implemented' } });
    expect(answer.error?.description).toContain('deferral');
    expect(orders.broker.queue('orders').counts().locked).toBe(1);
  });

  test('a transaction coordinator is refused by name', async () => {
    const coordinator = types.wrap_described([], 'amqp:coordinator:list');
    const { condition, description } = await orders.client.attachSender('', { target: coordinator }).closed;
    expect([condition, description]).toEqual([
      'amqp:not-implemented',
      expect.stringContaining('transactions'),
    ]);
  });

  test.each([
    { address: 'topic/subscriptions/mine', feature: 'subscriptions' },
    { address: '/topic/Subscriptions/mine/$management', feature: 'subscriptions' },
    { address: '/orders/$Transfer/$DeadLetterQueue', feature: 'transfer' },
  ])('$address is refused by name', async ({ address, feature }) => {
    const { condition, description } = await orders.client.attachReceiver(address).closed;
    expect([condition, description]).toEqual(['amqp:not-implemented', expect.stringContaining(feature)]);
  });

  test('nothing can be sent to a dead-letter queue', async () => {
    expect((await orders.client.attachSender('/orders/$DeadLetterQueue').closed).condition).toBe(
      'amqp:not-allowed',
    );
  });
});

/** An int of any width, as .NET casts it. */
const int = (value: number): object => ({
  type: { name: expect.stringMatching(/^(Small)?Int$/) as string },
  value,
});

/** A delivery tag is a Guid in .NET's byte order; a lock token in a request is in the order in which it is written. */
function guidOf(tag: Buffer): Buffer {
  const guid = Buffer.from(tag);
  guid.subarray(0, 4).reverse();
  guid.subarray(4, 6).reverse();
  guid.subarray(6, 8).reverse();
  return guid;
}
