import { ServiceBusClient } from '@azure/service-bus';
import { type Broker, startBroker } from '@mcp-registry-gateway/service-bus';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { type DeadLetterQueues, openDeadLetterQueues } from '../../shared/platform/serviceBus/deadLetters.ts';

const settings = {
  lockDurationSeconds: 30,
  maxDeliveryCount: 5,
  duplicateDetectionWindowSeconds: 600,
  defaultTimeToLiveSeconds: 3600,
};

let broker: Broker;
let client: ServiceBusClient;
let letters: DeadLetterQueues;
beforeEach(async () => {
  broker = await startBroker({ port: 0, queues: { orders: settings } });
  client = new ServiceBusClient(broker.connectionString);
  letters = openDeadLetterQueues({ connectionString: broker.connectionString });
});
afterEach(async () => {
  await client.close();
  await broker.stop();
});

/** Sends the bodies and dead-letters them all, each with a reason that counts up. */
async function kill(bodies: readonly unknown[]): Promise<void> {
  const [sender, receiver] = [client.createSender('orders'), client.createReceiver('orders')];
  for (const [index, body] of bodies.entries()) {
    await sender.sendMessages({ body, messageId: `m${String(index)}`, applicationProperties: { index } });
    const [message] = await receiver.receiveMessages(1);
    if (!message) throw new Error('no message came');
    const reason = { deadLetterReason: `r${String(index)}`, deadLetterErrorDescription: 'bad' };
    await receiver.deadLetterMessage(message, reason);
  }
  await receiver.close();
}
const counts = () => broker.queue('orders').deadLetters?.counts();
const nothing = () => Promise.resolve('done');

describe('listing', () => {
  test('tells what is known of each and leaves them where they are', async () => {
    await kill([{ tenant: 't1' }, Buffer.from('no {json'), 'text']);
    const listed = await letters.list('orders', 100);
    expect(listed).toEqual([
      {
        sequenceNumber: '1',
        messageId: 'm0',
        enqueuedAt: expect.any(Date) as Date,
        reason: 'r0',
        description: 'bad',
        deliveryCount: 0,
        body: { tenant: 't1' },
        size: 15,
      },
      expect.objectContaining({ sequenceNumber: '2', body: undefined, size: 8 }),
      expect.objectContaining({ sequenceNumber: '3', body: 'text', size: 6 }),
    ]);
    expect(await letters.list('orders', 100)).toEqual(listed);
    expect(counts()).toMatchObject({ ready: 3, locked: 0 });
  });

  test('goes by pages, from a sequence number on, whether or not that one is there', async () => {
    await kill([1, 2, 3, 4]);
    const numbers = async (limit: number, from?: string) =>
      (await letters.list('orders', limit, from)).map(({ sequenceNumber }) => sequenceNumber);
    expect(await numbers(2)).toEqual(['1', '2']);
    expect(await numbers(2, '3')).toEqual(['3', '4']);
    expect(await numbers(100, '4')).toEqual(['4']);
    expect(await numbers(100, '5')).toEqual([]);
    expect(await numbers(100, '9999999999999999999')).not.toContain('9999999999999999999');
    await letters.take('orders', '2', nothing);
    expect(await numbers(1, '2')).toEqual(['3']);
  });

  test('gives at most a hundred', async () => {
    await client.createSender('orders').sendMessages(Array.from({ length: 120 }, (_, body) => ({ body })));
    const receiver = client.createReceiver('orders');
    for (let dead = 0; dead < 120;) {
      const batch = await receiver.receiveMessages(120, { maxWaitTimeInMs: 1_000 });
      for (const message of batch) await receiver.deadLetterMessage(message);
      dead += batch.length;
    }
    expect(await letters.list('orders', 1_000)).toHaveLength(100);
    expect(await letters.take('orders', '120', nothing)).toBe('done');
    expect(counts()).toMatchObject({ ready: 119, locked: 0 });
  });

  test('is empty when there are none', async () => {
    expect(await letters.list('orders', 10)).toEqual([]);
    expect(await letters.list('orders', 10, '7')).toEqual([]);
  });
});

describe('taking', () => {
  test('acts while nobody else can get it, then removes it alone', async () => {
    await kill([1, 2, 3]);
    const done = await letters.take('orders', '2', async () => {
      expect(counts()).toMatchObject({ ready: 0, locked: 3 });
      return Promise.resolve('acted');
    });
    expect(done).toBe('acted');
    expect((await letters.list('orders', 9)).map(({ body }) => body)).toEqual([1, 3]);
    expect(counts()).toMatchObject({ ready: 2, locked: 0 });
  });

  test('an act that throws leaves all where they were, and its error is the one that is thrown', async () => {
    await kill([1, 2]);
    const fault = new Error('the act failed');
    await expect(letters.take('orders', '2', () => Promise.reject(fault))).rejects.toBe(fault);
    expect(counts()).toMatchObject({ ready: 2, locked: 0 });
  });

  test('re-sends it byte by byte under another id, which no duplicate detection drops', async () => {
    await kill([Buffer.from([0xff, 0x00, 0x7b])]);
    await letters.take('orders', '1', (resend) => resend('again'));
    const receiver = client.createReceiver('orders', { skipParsingBodyAsJson: true });
    const [message] = await receiver.receiveMessages(1);
    expect(message).toMatchObject({ messageId: 'again', applicationProperties: { index: 0 } });
    expect(message?.body).toEqual(Buffer.from([0xff, 0x00, 0x7b]));
    expect(await letters.list('orders', 9)).toEqual([]);
  });

  test('of two at once for the same one acts one', async () => {
    await kill([1]);
    let acts = 0;
    const act = async () => Promise.resolve(++acts);
    const both = await Promise.all([letters.take('orders', '1', act), letters.take('orders', '1', act)]);
    expect(both.filter((done) => done !== undefined)).toEqual([1]);
    expect(acts).toBe(1);
  });

  test('one that is not there is none of the others', async () => {
    await kill([1]);
    expect(await letters.take('orders', '7', nothing)).toBeUndefined();
    expect(counts()).toMatchObject({ ready: 1, locked: 0 });
  });
});

test('a Service Bus that does not answer is a fault, soon', async () => {
  const startedAt = performance.now();
  await client.close();
  await broker.stop();
  await expect(letters.list('orders', 9)).rejects.toBeInstanceOf(InfrastructureError);
  await expect(letters.take('orders', '1', nothing)).rejects.toBeInstanceOf(InfrastructureError);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});
