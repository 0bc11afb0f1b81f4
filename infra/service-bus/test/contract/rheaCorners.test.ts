import { once } from 'node:events';
import { type AddressInfo, connect, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import rhea from 'rhea';
import { describe, expect, test, vi } from 'vitest';
import { decodeMessage } from '../../src/messageCodec.ts';
import { createContainer, listenOptions, OUTGOING_DELIVERIES } from '../../src/rheaCorners.ts';
import { message, types } from '../support/amqp.ts';
import { RawClient } from '../support/rawAmqpClient.ts';
import type { Received } from '../support/rawAmqpLinks.ts';
import { encodeOrder, useRawQueue } from '../support/rawQueue.ts';

/** A canary for each corner of rhea that the broker goes around. They tell when a new version has other corners. */
const orders = useRawQueue();

const ACCEPTED = message.accepted();

function enqueue(...ids: string[]): void {
  orders.broker.queue('orders').enqueue(ids.map((id) => decodeMessage(encodeOrder(id))));
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

test('what is settled frees its slot, and a late word on it changes nothing younger', async () => {
  const receiver = await orders.receive(0);
  const count = OUTGOING_DELIVERIES - 10;
  enqueue(...ids(count + 60));
  for (let done = 0; done < count;) {
    const some = Math.min(500, count - done);
    receiver.credit(some);
    const received = await receiver.take(some);
    await completeAll(received);
    done += some;
  }
  // These take the slots of the first ones again.
  receiver.credit(60);
  await receiver.take(60);
  expect(orders.broker.queue('orders').counts()).toEqual({ ready: 0, locked: 60, scheduled: 0 });
  receiver.dispose({ first: 0, last: 40, settled: false, state: ACCEPTED.described() });
  enqueue('last');
  receiver.credit(1);
  await receiver.next(); // by now the broker has read the disposition
  expect(orders.broker.queue('orders').counts()).toEqual({ ready: 0, locked: 61, scheduled: 0 });

  async function completeAll(received: readonly Received[]): Promise<void> {
    const answers = received.map(({ delivery }) => receiver.answerTo(delivery));
    const [first, last] = [received[0]?.delivery.id ?? 0, received.at(-1)?.delivery.id ?? 0];
    receiver.dispose({ first, last, settled: false, state: ACCEPTED.described() });
    await Promise.all(answers);
  }
});

test('neighbours whose answers differ get each their own', async () => {
  await orders.send('a', 'b', 'c', 'd');
  const receiver = await orders.receive(4);
  const received = await receiver.take(4);
  const queue = orders.broker.queue('orders');
  for (const { lock } of queue.peek(2, 2)) queue.complete(lock?.token ?? '');
  // One frame accepts them all; the broker answers within one tick: done, lost, lost, done.
  const answers = received.map(({ delivery }) => receiver.answerTo(delivery));
  const [first, last] = [received[0]?.delivery.id ?? 0, received[3]?.delivery.id ?? 0];
  receiver.dispose({ first, last, settled: false, state: ACCEPTED.described() });
  const outcomes = (await Promise.all(answers)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['accepted', 'rejected', 'rejected', 'accepted']);
});

test('the bytes of a message reach the queue as they were sent', async () => {
  const properties = {
    int: types.wrap_int(1),
    long: types.wrap_long(1),
    uuid: types.wrap_uuid(Buffer.alloc(16, 1)),
  };
  const sent = encodeOrder('a', { application_properties: properties });
  await orders.client.attachSender('/orders').send(sent);
  const [stored] = orders.broker.queue('orders').peek(0, 1);
  expect(stored?.message.bare).toEqual(decodeMessage(sent).bare);
});

test('a drain is answered also when the last credit has just been used', async () => {
  const receiver = await orders.receive(0);
  enqueue('a');
  receiver.credit(1);
  const drained = receiver.drain();
  expect((await receiver.next()).message.message_id).toBe('a');
  await drained;
});

test('a receiver without credit blocks no other of its session', async () => {
  const session = orders.client.openSession();
  const [first, second] = [
    orders.client.attachReceiver('/orders', { session }),
    orders.client.attachReceiver('/orders', { session }),
  ];
  await Promise.all([first.opened, second.opened]);
  first.credit(1);
  second.credit(5);
  await nextTurn();
  await settled();
  enqueue(...ids(6));
  expect((await first.take(1)).length + (await second.take(5)).length).toBe(6);

  /** The broker has read what was written before: it has answered something written after it. */
  async function settled(): Promise<void> {
    await orders.client.attachSender('/orders').opened;
  }
});

test('a client that could hold no more gets the rest when it has settled some', async () => {
  const window = 2048; // of rhea's sessions, here the client's
  enqueue(...ids(window + 100));
  const receiver = await orders.receive(window + 100);
  const held = await receiver.take(window);
  const [first, last] = [held[0]?.delivery.id ?? 0, held.at(-1)?.delivery.id ?? 0];
  await nextTurn();
  expect(orders.broker.queue('orders').counts()).toEqual({ ready: 100, locked: window, scheduled: 0 });
  receiver.dispose({ first, last, settled: false, state: ACCEPTED.described() });
  expect(await receiver.take(100)).toHaveLength(100);
});

test('a session whose buffer of unsettled messages was full goes on when it has room again', async () => {
  const client = await RawClient.connect(orders.broker.port, { window: 2 * OUTGOING_DELIVERIES });
  const receiver = client.attachReceiver('/orders');
  await receiver.opened;
  enqueue(...ids(OUTGOING_DELIVERIES + 5));
  receiver.credit(OUTGOING_DELIVERIES + 5);
  const held = await receiver.take(OUTGOING_DELIVERIES);
  expect(orders.broker.queue('orders').counts()).toMatchObject({ ready: 5 });
  const [first, second] = held;
  if (!first || !second) throw new Error('not received');
  receiver.dispose({
    first: first.delivery.id,
    last: second.delivery.id,
    settled: false,
    state: ACCEPTED.described(),
  });
  expect(await receiver.take(2)).toHaveLength(2);
  await client.close();
});

test('credit that comes with the attach brings messages after its answer', async () => {
  enqueue('a');
  const receiver = orders.client.attachReceiver('/orders');
  receiver.credit(1);
  expect((await receiver.next()).message.message_id).toBe('a');
});

test('an answer that is held back holds nothing else of its connection', async () => {
  const refused = orders.client.attachReceiver('/nope');
  let answered = false;
  void refused.opened.then(() => (answered = true));
  enqueue('a');
  expect((await (await orders.receive(1)).next()).message.message_id).toBe('a');
  expect(answered).toBe(false);
  expect((await refused.closed).condition).toBe('amqp:not-found');
});

describe('a client that goes', () => {
  test.each([
    { how: 'closes its socket', go: ({ socket }: RawClient) => socket.destroy() },
    { how: 'resets its connection', go: ({ socket }: RawClient) => socket.resetAndDestroy() },
    {
      how: 'closes its connection',
      go: ({ connection }: RawClient) => {
        connection.close();
      },
    },
  ])('takes no more messages: it $how', async ({ go }) => {
    const gone = await RawClient.connect(orders.broker.port);
    const receiver = gone.attachReceiver('/orders');
    await receiver.opened;
    receiver.credit(10);
    await orders.send('first');
    await receiver.next();
    go(gone);
    await gone.ended;
    const live = await orders.receive(10);
    await orders.send('a', 'b', 'c');
    expect((await live.take(3)).map(({ message: { message_id } }) => message_id)).toEqual(['a', 'b', 'c']);
  });

  test('takes no more messages: it closes its receiver', async () => {
    const receiver = await orders.receive(10);
    await orders.send('first');
    await receiver.next();
    receiver.link.close();
    await receiver.closed;
    const live = await orders.receive(10);
    await orders.send('a');
    expect((await live.next()).message.message_id).toBe('a');
  });

  test('takes no more messages: it ends its session without closing its links', async () => {
    const receiver = await orders.receive(10);
    await orders.send('first');
    await receiver.next();
    receiver.link.session.close();
    await once(receiver.link.session, 'session_close');
    const live = await orders.receive(10);
    await orders.send('a');
    expect((await live.next()).message.message_id).toBe('a');
  });
});

test('a socket that closes without an end or an error is noticed', async () => {
  const container = createContainer(() => undefined);
  const server = container.listen({ ...listenOptions, host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  await RawClient.connect((server.address() as AddressInfo).port);
  const noticed = once(container, 'disconnected');
  (await accepted)[0].destroy();
  await noticed;
  server.close();
});

describe('what a client does wrong', () => {
  test.each([
    { what: 'plain text', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') },
    { what: 'another AMQP version', bytes: Buffer.from('AMQP\0\0\x09\x01') },
    {
      what: 'a broken frame',
      bytes: Buffer.from('AMQP\0\x01\0\0\0\0\0\x10\x02\0\0\0\0\x53\x10\xc0\xff\xff\xff\xff'),
    },
  ])('$what ends its connection and nothing else', async ({ bytes }) => {
    const socket = connect(orders.broker.port, '127.0.0.1');
    socket.on('error', () => undefined).on('data', () => undefined);
    socket.write(bytes);
    await once(socket, 'close');
    expect(orders.reports).toHaveLength(1);
    await orders.send('a');
    expect(orders.held()).toEqual(['a']);
  });

  test('an error with which it closes a link, a session or its connection is no error of the broker', async () => {
    const error = { condition: 'amqp:internal-error', description: 'a test' };
    const reported: Error[] = [];
    const container = createContainer((problem) => reported.push(problem));
    const server = container.listen({ ...listenOptions, host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const client = await RawClient.connect((server.address() as AddressInfo).port);
    for (const link of [client.attachReceiver('/a'), client.attachSender('/a')]) {
      await link.opened;
      link.link.close(error);
      await link.closed;
    }
    const session = client.openSession();
    await once(session, 'session_open');
    session.close(error);
    await once(session, 'session_close');
    client.connection.close(error);
    await client.ended;
    expect(reported).toEqual([]);
    server.close();
  });
});

describe('nobody waits for a delayed acknowledgement (40 ms)', () => {
  test('a flow that needs no answer is answered by an empty frame, which carries the acknowledgement', async () => {
    const receiver = await orders.receive(0);
    const { socket } = receiver.link.connection as unknown as { readonly socket: Socket };
    const answered = once(socket, 'data') as Promise<[Buffer]>;
    receiver.credit(1);
    // AMQP 1.0, part 2, section 2.3: size 8, data offset 2, type 0, channel 0, no body.
    expect([...(await answered)[0]]).toEqual([0, 0, 0, 8, 2, 0, 0, 0]);
    // The heartbeat is an empty frame too, and comes after 15 s.
  }, 10_000);

  test('the broker turns the algorithm of Nagle off for each connection', async () => {
    const setNoDelay = vi.spyOn(Socket.prototype, 'setNoDelay');
    const client = connect(orders.broker.port, '127.0.0.1');
    await expect.poll(() => setNoDelay.mock.calls).toContainEqual([true]);
    const sockets = setNoDelay.mock.contexts as Socket[];
    expect(sockets.map(({ localPort }) => localPort)).toContain(orders.broker.port);
    client.destroy();
    setNoDelay.mockRestore();
  });
});

test('the container that the Azure SDK uses is left alone', () => {
  expect(Object.keys(rhea.sasl_server_mechanisms as object)).not.toContain('MSSBCBS');
  expect((rhea as unknown as { eventNames(): unknown[] }).eventNames()).toEqual([]);
});
