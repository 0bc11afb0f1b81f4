import { describe, expect, test } from 'vitest';
import { message, type Typed, typedSections, types } from '../support/amqp.ts';
import { RawClient } from '../support/rawAmqpClient.ts';
import { encodeOrder, useRawQueue } from '../support/rawQueue.ts';

/**
 * The .NET client, which serves triggers in Azure's Functions host, differs from the JavaScript SDK in what it sends
 * and in what it takes for an answer. A raw AMQP client plays its ways here.
 */
const orders = useRawQueue();

const ACCEPTED = message.accepted();
const BATCH_FORMAT = 0x80013700;

describe('connecting', () => {
  test.each(['MSSBCBS', 'ANONYMOUS'])('the mechanism %s opens a connection', async (mechanism) => {
    const other = await RawClient.connect(orders.broker.port, { mechanism });
    expect(other.connection.is_open()).toBe(true);
    await other.close();
  });

  test('a token is put, and its status is an int', async () => {
    const requests = await orders.client.openRequests('$cbs');
    const { message: reply, properties } = await requests.request(
      {
        operation: 'put-token',
        type: 'servicebus.windows.net:sastoken',
        name: 'amqp://127.0.0.1/orders',
        expiration: types.wrap_timestamp(Date.now() + 3_600_000),
      },
      'SharedAccessSignature sr=...',
    );
    expect(properties.get('status-code')).toMatchObject({ type: { name: 'Int' }, value: 202 });
    expect(properties.get('status-description')?.value).toBeTypeOf('string');
    expect(reply.correlation_id).toBeTypeOf('string');
  });
});

describe('addresses', () => {
  test.each(['/orders', '/Orders', 'orders', '/%6Frders'])(
    '%s is the queue, for sending and receiving',
    async (address) => {
      await orders.client.attachSender(address).send(encodeOrder('a'));
      const received = await (await orders.receive(1, address)).next();
      expect(received.message.message_id).toBe('a');
    },
  );

  test.each(['/orders/$DeadLetterQueue', '/orders/%24DeadLetterQueue', 'ORDERS/$deadletterqueue'])(
    '%s is the dead-letter queue',
    async (address) => {
      await orders.send('a');
      const receiver = await orders.receive(1);
      await receiver.settle(await receiver.next(), message.rejected({}));
      expect((await (await orders.receive(1, address)).next()).message.message_id).toBe('a');
    },
  );

  test('an attach is answered with the address and the settle modes asked for', async () => {
    const receiver = orders.client.attachReceiver('/orders', { target: 'a-target', filter: {} });
    await receiver.opened;
    expect(receiver.link.source.address).toBe('/orders');
    expect(receiver.link.target.address).toBe('a-target');
    expect(receiver.link.rcv_settle_mode).toBe(1);
  });

  test('a sender is told the largest message, without which the client sends none', async () => {
    const sender = orders.client.attachSender('/orders');
    await sender.opened;
    expect(sender.link.max_message_size).toBe(262_144);
  });

  test('a queue that does not exist is refused after a while: the client tries again at once', async () => {
    const askedAt = performance.now();
    const { condition } = await orders.client.attachReceiver('/nope').closed;
    expect(condition).toBe('amqp:not-found');
    expect(performance.now() - askedAt).toBeGreaterThan(900);
    expect((await orders.client.attachSender('/nope').closed).condition).toBe('amqp:not-found');
  });
});

describe('sending', () => {
  test('a single message and a batch are taken, each with an accepted that settles', async () => {
    const sender = orders.client.attachSender('/orders');
    expect(await sender.send(encodeOrder('a'))).toEqual({ outcome: 'accepted', error: undefined });
    const batch = message.encode({
      message_id: 'b',
      body: message.data_sections([encodeOrder('b'), encodeOrder('c')]),
    });
    expect(await sender.send(batch, BATCH_FORMAT)).toMatchObject({ outcome: 'accepted' });
    expect(orders.held()).toEqual(['a', 'b', 'c']);
  });

  test('credit is granted ahead: a client that never asks can send a thousand messages', async () => {
    const sender = orders.client.attachSender('/orders');
    await sender.opened;
    await sender.sendable();
    const answers = Array.from({ length: 1000 }, (_, index) => sender.send(encodeOrder(`m${index}`)));
    for (const answer of await Promise.all(answers)) expect(answer.outcome).toBe('accepted');
    expect(orders.held()).toHaveLength(1000);
  });

  test.each([
    {
      bytes: Buffer.alloc(262_145),
      condition: 'amqp:link:message-size-exceeded',
      why: 'a message beyond the limit',
    },
    { bytes: Buffer.from('no message'), condition: 'amqp:decode-error', why: 'bytes that are no message' },
  ])('$why is rejected with an error, and the link goes on', async ({ bytes, condition }) => {
    const sender = orders.client.attachSender('/orders');
    expect(await sender.send(bytes)).toMatchObject({ outcome: 'rejected', error: { condition } });
    expect(await sender.send(encodeOrder('a'))).toMatchObject({ outcome: 'accepted' });
    expect(orders.held()).toEqual(['a']);
  });

  test('large messages pass both ways in several frames', async () => {
    const body = 'x'.repeat(200_000);
    await orders.client.attachSender('/orders').send(encodeOrder('large', { body }));
    expect((await (await orders.receive(1)).next()).message.body).toBe(body);
  });
});

describe('receiving', () => {
  test('the header says the delivery count also when it is 0, and annotations are of the types cast to', async () => {
    await orders.send('a');
    const { bytes } = await (await orders.receive(1)).next();
    const sections = typedSections(bytes);
    const deliveryCount = (sections.get(0x70)?.value as Typed[])[4];
    expect([deliveryCount?.type.name, deliveryCount?.value]).toEqual(['Uint0', 0]);
    const annotations = sections.get(0x72)?.value as Typed[];
    const typeOf = (name: string): string | undefined =>
      annotations[annotations.findIndex(({ value }) => value === name) + 1]?.type.name;
    expect(typeOf('x-opt-sequence-number')).toBe('Long');
    expect(typeOf('x-opt-enqueued-time')).toBe('Timestamp');
    expect(typeOf('x-opt-locked-until')).toBe('Timestamp');
  });

  test('the delivery tag is 16 bytes and new for each delivery', async () => {
    await orders.send('a');
    const receiver = await orders.receive(3);
    const tags = new Set<string>();
    for (let delivery = 0; delivery < 3; delivery++) {
      const received = await receiver.next();
      expect(received.delivery.tag).toHaveLength(16);
      tags.add((received.delivery.tag as Buffer).toString('hex'));
      await receiver.settle(received, message.modified({}));
    }
    expect(tags.size).toBe(3);
  });

  test('credit that a receive has not used stays and takes what comes later', async () => {
    const receiver = await orders.receive(5);
    await orders.send('a');
    await receiver.next();
    await orders.send('b');
    expect((await receiver.next()).message.message_id).toBe('b');
  });

  test('a drain is answered, and credit given after it counts anew', async () => {
    await orders.send('a');
    const receiver = await orders.receive(5);
    await receiver.next();
    await receiver.drain();
    await orders.send('b', 'c');
    receiver.credit(1);
    expect((await receiver.next()).message.message_id).toBe('b');
    expect(receiver.waiting).toBe(0);
  });

  test('receive-and-delete sends settled', async () => {
    await orders.send('a');
    const receiver = orders.client.attachReceiver('/orders', { snd_settle_mode: 1, rcv_settle_mode: 0 });
    receiver.credit(1);
    expect((await receiver.next()).delivery.remote_settled).toBe(true);
    expect(orders.held()).toEqual([]);
  });
});

describe('settlement', () => {
  test.each([
    { call: 'complete', outcome: ACCEPTED, left: [], dead: [] },
    { call: 'abandon, all fields null', outcome: message.modified({}), left: ['a'], dead: [] },
    { call: 'dead-letter without a reason', outcome: message.rejected({}), left: [], dead: ['a'] },
    {
      call: 'dead-letter with a reason',
      outcome: message.rejected({
        error: { condition: 'com.microsoft:dead-letter', info: { DeadLetterReason: 'bad' } },
      }),
      left: [],
      dead: ['a'],
    },
  ])(
    '$call is answered with a settling accepted, never with what the client sent',
    async ({ outcome, left, dead }) => {
      await orders.send('a');
      const receiver = await orders.receive(1);
      const answer = await receiver.settle(await receiver.next(), outcome);
      expect(answer).toEqual({ outcome: 'accepted', error: undefined });
      expect([orders.held(), orders.held('dead')]).toEqual([left, dead]);
    },
  );

  test('an abandoned message is counted', async () => {
    await orders.send('a');
    const receiver = await orders.receive(2);
    await receiver.settle(await receiver.next(), message.modified({}));
    expect((await receiver.next()).message.delivery_count).toBe(1);
  });

  test('messages released on close are ready again, uncounted, and the broker says nothing', async () => {
    await orders.send('a', 'b');
    const receiver = await orders.receive(2);
    const [first, second] = await receiver.take(2);
    if (!first || !second) throw new Error('not received');
    receiver.dispose({
      first: first.delivery.id,
      last: second.delivery.id,
      settled: true,
      state: message.released().described(),
    });
    receiver.link.close();
    receiver.link.session.close();
    const other = await orders.receive(2);
    const again = await other.take(2);
    expect(again.map(({ message: { message_id, delivery_count } }) => [message_id, delivery_count])).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
  });

  test('a range of dispositions settles all in it, and skips those settled before', async () => {
    await orders.send('a', 'b', 'c');
    const receiver = await orders.receive(3);
    const received = await receiver.take(3);
    const [a, b, c] = received;
    if (!a || !b || !c) throw new Error('not received');
    await receiver.settle(b, message.modified({}));
    const answers = [receiver.answerTo(a.delivery), receiver.answerTo(c.delivery)];
    receiver.dispose({
      first: a.delivery.id,
      last: c.delivery.id,
      settled: false,
      state: ACCEPTED.described(),
    });
    expect(await Promise.all(answers)).toMatchObject([{ outcome: 'accepted' }, { outcome: 'accepted' }]);
    expect(orders.held()).toEqual(['b']);
  });

  test('properties that cannot be application properties are refused, and the message stays locked', async () => {
    await orders.send('a');
    const receiver = await orders.receive(1);
    const outcome = message.modified({});
    outcome.value[2] = types.wrap(new Map([[5, 'a number for a name']]));
    expect(await receiver.settle(await receiver.next(), outcome)).toMatchObject({
      outcome: 'rejected',
      error: { condition: 'amqp:decode-error' },
    });
    expect(orders.broker.queue('orders').counts().locked).toBe(1);
  });

  test('a lost lock is rejected with the condition that ends the client’s attempts', async () => {
    await orders.send('a');
    const receiver = await orders.receive(1);
    const received = await receiver.next();
    orders.broker.queue('orders').complete(orders.broker.queue('orders').peek(0, 1)[0]?.lock?.token ?? '');
    expect(await receiver.settle(received, ACCEPTED)).toMatchObject({
      outcome: 'rejected',
      error: { condition: 'com.microsoft:message-lock-lost' },
    });
  });
});
