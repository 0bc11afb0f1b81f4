import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Broker, connectionStringFor, type QueueSettings, startBroker } from '../../src/index.ts';
import { type BrokerProcess, runBroker } from '../support/brokerProcess.ts';

const SETTINGS: QueueSettings = {
  lockDurationSeconds: 30,
  maxDeliveryCount: 3,
  duplicateDetectionWindowSeconds: 600,
  defaultTimeToLiveSeconds: 3600,
};

let folder: string;
let file: string;
const cleanups: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
  file = join(folder, 'data/serviceBus.journal');
  await writeFile(join(folder, 'queues.json'), JSON.stringify({ orders: SETTINGS }));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(folder, { recursive: true });
});

function run(port = 0): BrokerProcess {
  const args = [
    '--port',
    String(port),
    '--queues',
    join(folder, 'queues.json'),
    '--data',
    join(folder, 'data'),
  ];
  const broker = runBroker(args);
  cleanups.push(() => broker.kill());
  return broker;
}

async function startInProcess(port = 0): Promise<Broker> {
  const broker = await startBroker({ port, queues: { orders: SETTINGS }, dataDir: join(folder, 'data') });
  cleanups.push(() => broker.stop());
  return broker;
}

function open(port: number): ServiceBusClient {
  const retryOptions = { maxRetries: 20, retryDelayInMs: 50, timeoutInMs: 3_000 };
  const client = new ServiceBusClient(connectionStringFor(port), { retryOptions });
  cleanups.push(() => client.close());
  return client;
}

describe('a broker that was killed', () => {
  test('has, when it runs again, all that its queues held', async () => {
    const first = run();
    const port = await first.ready;
    const client = open(port);
    const [sender, receiver] = [client.createSender('orders'), client.createReceiver('orders')];
    const later = new Date(Date.now() + 3_600_000);
    await sender.sendMessages({ messageId: 'done', body: 0 });
    await receiver.completeMessage((await receiver.receiveMessages(1))[0] ?? expect.unreachable());
    await sender.sendMessages({ messageId: 'dead', body: 'x', contentType: 'text/x', correlationId: 'c' });
    await receiver.deadLetterMessage((await receiver.receiveMessages(1))[0] ?? expect.unreachable(), {
      deadLetterReason: 'why',
      deadLetterErrorDescription: 'because',
    });
    await sender.sendMessages({
      messageId: 'failed',
      body: { a: 1 },
      applicationProperties: { of: 'sender' },
    });
    await receiver.abandonMessage((await receiver.receiveMessages(1))[0] ?? expect.unreachable(), {
      of: 'receiver',
      more: 7,
    });
    await sender.sendMessages([
      { messageId: 'b1', body: 1, timeToLive: 60_000 },
      { messageId: 'b2', body: 2 },
    ]);
    await sender.scheduleMessages({ messageId: 'later', body: 3 }, later);
    // Locked when the broker ends.
    expect(await receiver.receiveMessages(1)).toHaveLength(1);
    // Removals are written at the end of a turn of the event loop.
    await sender.sendMessages({ messageId: 'last', body: 4 });
    await first.kill();

    const second = run(port);
    await second.ready;
    const afterwards = client.createReceiver('orders');
    const peeked = await afterwards.peekMessages(10);
    expect(peeked.map(({ messageId, state }) => [messageId, state])).toEqual([
      ['failed', 'active'],
      ['b1', 'active'],
      ['b2', 'active'],
      ['later', 'scheduled'],
      ['last', 'active'],
    ]);
    expect(peeked[3]?.scheduledEnqueueTimeUtc ?? peeked[3]?.enqueuedTimeUtc).toEqual(later);
    // The lock is gone, the count of failed deliveries is not.
    const [failed, b1] = await afterwards.receiveMessages(2, { maxWaitTimeInMs: 1_000 });
    expect(failed).toMatchObject({
      messageId: 'failed',
      body: { a: 1 },
      deliveryCount: 1,
      applicationProperties: { of: 'receiver', more: 7 },
    });
    expect(b1).toMatchObject({ messageId: 'b1', timeToLive: 60_000 });
    const dead = await client.createReceiver('orders', { subQueueType: 'deadLetter' }).receiveMessages(5);
    expect(dead).toMatchObject([
      { messageId: 'dead', contentType: 'text/x', correlationId: 'c', deadLetterReason: 'why' },
    ]);
    // What was seen within the window is a duplicate, also when it has been completed.
    const secondSender = client.createSender('orders');
    for (const messageId of ['done', 'dead', 'b2']) await secondSender.sendMessages({ messageId, body: 9 });
    // The SDK goes on from the last peek of a client, so this is a new one.
    expect(await open(port).createReceiver('orders').peekMessages(10)).toHaveLength(5);
  });

  test('loses no message that a sender was told of, in three kills under load', async () => {
    const first = run();
    const port = await first.ready;
    const sender = open(port).createSender('orders');
    const accepted = new Set<string>();
    let sending = true;
    const lanes = Array.from({ length: 10 }, async (_, lane) => {
      for (let count = 0; sending; count += 1) {
        const messageId = `${lane}-${count}`;
        await sender.sendMessages({ messageId, body: messageId }).then(
          () => accepted.add(messageId),
          () => sleep(50),
        );
      }
    });
    const handled = new Set<string>();
    const receiver = open(port).createReceiver('orders');
    receiver.subscribe({
      processMessage: ({ body }) => {
        handled.add(String(body));
        return Promise.resolve();
      },
      processError: () => Promise.resolve(),
    });
    let broker = first;
    for (let kills = 0; kills < 3; kills += 1) {
      const enough = accepted.size + 200;
      await expect.poll(() => accepted.size, { timeout: 15_000 }).toBeGreaterThan(enough);
      await broker.kill();
      broker = run(port);
      await broker.ready;
    }
    sending = false;
    await Promise.all(lanes);
    await expect.poll(() => [...accepted].filter((id) => !handled.has(id)), { timeout: 20_000 }).toEqual([]);
  }, 60_000);
});

describe('the file', () => {
  const send = async (broker: Broker, ...ids: string[]) => {
    const sender = open(broker.port).createSender('orders');
    await sender.sendMessages(ids.map((messageId) => ({ messageId, body: messageId })));
  };

  test('holds nothing of the past after a start', async () => {
    const first = await startInProcess();
    await send(first, ...Array.from({ length: 50 }, (_, index) => `m${index}`));
    const receiver = open(first.port).createReceiver('orders', { receiveMode: 'receiveAndDelete' });
    expect(await receiver.receiveMessages(50)).toHaveLength(50);
    await first.stop();
    const grown = (await stat(file)).size;
    await (await startInProcess()).stop();
    expect((await stat(file)).size).toBeLessThan(grown / 4);
  });

  test('may end in the middle of a record: its sender was not told', async () => {
    const first = await startInProcess();
    await send(first, 'm1');
    await send(first, 'm2');
    await first.stop();
    await truncate(file, (await stat(file)).size - 10);
    expect((await startInProcess()).queue('orders').counts().ready).toBe(1);
  });

  test.each([
    {
      why: 'a later format',
      break: (text: string) => text.replace('"version":1', '"version":2'),
      says: 'it has another format',
    },
    {
      why: 'a damaged record',
      break: (text: string) => text.replace('"added":', '"a'),
      says: 'line 4 is not a record',
    },
  ])('of $why is not used, and left as it is', async ({ break: spoil, says }) => {
    const first = await startInProcess();
    await send(first, 'm1');
    await send(first, 'm2');
    await first.stop();
    const spoiled = spoil(await readFile(file, 'utf8'));
    await writeFile(file, spoiled);
    const broker = run();
    expect(await once(broker.child, 'close')).toEqual([1, null]);
    expect(broker.stderr()).toBe(
      `Service Bus broker: cannot use the journal ${file}: ${says}. Move the file away to start with empty queues.\n`,
    );
    expect(await readFile(file, 'utf8')).toBe(spoiled);
  });

  test('is not touched by a broker whose port is taken', async () => {
    const first = await startInProcess();
    await send(first, 'm1');
    await expect(startInProcess(first.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await send(first, 'm2');
    await first.stop();
    expect((await startInProcess()).queue('orders').counts().ready).toBe(2);
  });

  test('that cannot be written is one line and exit code 1', async () => {
    await appendFile(join(folder, 'data'), 'a file where the folder would be');
    const broker = run();
    expect(await once(broker.child, 'close')).toEqual([1, null]);
    expect(broker.stderr()).toMatch(/^Service Bus broker: .*data.*\n$/);
  });
});
