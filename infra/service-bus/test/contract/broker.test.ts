import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceBusClient, type ServiceBusReceiver } from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Broker, connectionStringFor, startBroker } from '../../src/broker.ts';
import type { QueueSettings } from '../../src/queue.ts';
import { type BrokerProcess, runBroker } from '../support/brokerProcess.ts';

/** What concerns the local broker alone: its life, its limits, and clients that lose it and find it again. */
const SETTINGS: QueueSettings = {
  lockDurationSeconds: 30,
  maxDeliveryCount: 3,
  duplicateDetectionWindowSeconds: 0,
  defaultTimeToLiveSeconds: 3600,
};

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(port = 0): Promise<Broker> {
  const broker = await startBroker({ port, queues: { orders: SETTINGS }, report: () => undefined });
  cleanups.push(() => broker.stop());
  return broker;
}

function open(connectionString: string): ServiceBusClient {
  const retryOptions = { maxRetries: 5, retryDelayInMs: 50, timeoutInMs: 1_500 };
  const client = new ServiceBusClient(connectionString, { retryOptions });
  cleanups.push(() => client.close());
  return client;
}

/** Calls back with the body of each message that the receiver handles, and with each error. */
function handle(
  receiver: ServiceBusReceiver,
  onBody: (body: unknown) => void,
  onError = (): void => undefined,
): void {
  receiver.subscribe({
    processMessage: ({ body }) => {
      onBody(body);
      return Promise.resolve();
    },
    processError: () => {
      onError();
      return Promise.resolve();
    },
  });
}

describe('a client that loses the broker', () => {
  test('goes on receiving and sending on a new connection after its own was cut', async () => {
    const broker = await start();
    const proxy = await startProxy(broker.port);
    const client = open(connectionStringFor(proxy.port));
    const bodies = new Arrivals();
    handle(client.createReceiver('orders'), bodies.add);
    const sender = client.createSender('orders');
    await sender.sendMessages({ body: 'before' });
    await bodies.until('before');
    proxy.cut();
    await sender.sendMessages({ body: 'after' });
    await bodies.until('after');
  });

  test('gets what was sent while it was away, and again what it held when it was cut', async () => {
    const broker = await startBroker({
      port: 0,
      queues: { orders: { ...SETTINGS, lockDurationSeconds: 0.5 } },
    });
    cleanups.push(() => broker.stop());
    const proxy = await startProxy(broker.port);
    const bodies = new Arrivals();
    const holding = Promise.withResolvers<undefined>();
    open(connectionStringFor(proxy.port))
      .createReceiver('orders', { maxAutoLockRenewalDurationInMs: 0 })
      .subscribe(
        {
          processMessage: ({ body, deliveryCount }) => {
            bodies.add(`${String(body)} ${deliveryCount ?? 0}`);
            return body === 'held' && deliveryCount === 0 ? holding.promise : Promise.resolve();
          },
          processError: () => Promise.resolve(),
        },
        { maxConcurrentCalls: 2 },
      );
    const sender = open(broker.connectionString).createSender('orders');
    await sender.sendMessages({ body: 'held' });
    await bodies.until('held 0');
    proxy.cut();
    await sender.sendMessages({ body: 'new' });
    await bodies.until('new 0');
    await bodies.until('held 1');
    holding.resolve(undefined);
  });

  test('finds a broker that was started again on its port', async () => {
    const first = await startBroker({ port: 0, queues: { orders: SETTINGS } });
    const client = open(first.connectionString);
    const bodies = new Arrivals();
    const lost = Promise.withResolvers<undefined>();
    handle(client.createReceiver('orders'), bodies.add, () => {
      lost.resolve(undefined);
    });
    const sender = client.createSender('orders');
    await sender.sendMessages({ body: 'before' });
    await bodies.until('before');
    await first.stop();
    await lost.promise;
    await start(first.port);
    await sender.sendMessages({ body: 'after' });
    await bodies.until('after');
  });
});

describe('what the broker does not do, it refuses by name', () => {
  test('deferral', async () => {
    const client = open((await start()).connectionString);
    await client.createSender('orders').sendMessages({ body: 1 });
    const receiver = client.createReceiver('orders');
    const [received] = await receiver.receiveMessages(1);
    if (!received) throw new Error('not received');
    await expect(receiver.deferMessage(received)).rejects.toThrow(/does not implement deferral/);
  });

  test('the next session', async () => {
    const client = open((await start()).connectionString);
    await expect(client.acceptNextSession('orders')).rejects.toThrow(/does not implement sessions/);
  });

  test('a subscription', async () => {
    const client = open((await start()).connectionString);
    const receiver = client.createReceiver('topic', 'subscription');
    await expect(receiver.receiveMessages(1)).rejects.toThrow(/does not implement topics/);
  });

  test('a queue that does not exist', async () => {
    const client = open((await start()).connectionString);
    const code = 'MessagingEntityNotFound';
    await expect(client.createSender('nope').sendMessages({ body: 1 })).rejects.toMatchObject({ code });
    await expect(client.createReceiver('nope').receiveMessages(1)).rejects.toMatchObject({ code });
  });
});

describe('where the broker runs', () => {
  test.each([
    ['NODE_ENV', 'production'],
    ['NODE_ENV', 'Production '],
    ['AZURE_FUNCTIONS_ENVIRONMENT', 'PRODUCTION'],
  ])('not where %s is %j', async (name, value) => {
    vi.stubEnv(name, value);
    await expect(startBroker({ port: 0, queues: {} })).rejects.toThrow(name);
  });

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.com'])('not on %s', async (host) => {
    await expect(startBroker({ port: 0, host, queues: {} })).rejects.toThrow(host);
  });

  test.each(['127.0.0.1', '::1', 'localhost'])('on %s, where the SDK finds it', async (host) => {
    const broker = await startBroker({ port: 0, host, queues: { orders: SETTINGS } });
    cleanups.push(() => broker.stop());
    await open(broker.connectionString).createSender('orders').sendMessages({ body: 1 });
    expect(broker.queue('Orders').counts().ready).toBe(1);
  });

  test('not on a port that is taken', async () => {
    const { port } = await start();
    await expect(startBroker({ port, queues: {} })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a client that does not answer its close delays a stop by half a second, not for ever', async () => {
    const broker = await startBroker({ port: 0, queues: {} });
    const socket = connect(broker.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    const stopAt = performance.now();
    await broker.stop();
    expect(performance.now() - stopAt).toBeLessThan(1_500);
  });
});

describe('as a process', () => {
  let folder: string;
  let queues: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'broker-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    queues = join(folder, 'queues.json');
    await writeFile(queues, JSON.stringify({ orders: { lockDurationSeconds: 7 }, invoices: {} }));
  });

  test('it says in one line that it is ready, names its queues, and stops without a word', async () => {
    const broker = run(['--port', '0', '--queues', queues]);
    const port = await broker.ready;
    expect(broker.stdout()).toBe(
      `Service Bus broker on 127.0.0.1:${port}, queues: orders, invoices. ` +
        `Connection string: ${connectionStringFor(port)}\n`,
    );
    broker.child.kill('SIGTERM');
    expect(await once(broker.child, 'exit')).toEqual([0, null]);
    expect(broker.stderr()).toBe('');
  });

  test('its queues have the settings of the file, and those of Azure where the file has none', async () => {
    const client = open(connectionStringFor(await run(['--port', '0', '--queues', queues]).ready));
    const lockMsOf = async (queue: string) => {
      await client.createSender(queue).sendMessages({ body: 1 });
      const [received] = await client.createReceiver(queue).receiveMessages(1);
      return Number(received?.lockedUntilUtc) - Date.now();
    };
    expect(Math.abs((await lockMsOf('orders')) - 7_000)).toBeLessThan(3_000);
    expect(Math.abs((await lockMsOf('invoices')) - 60_000)).toBeLessThan(3_000);
  });

  test('it stops when its parent is gone', async () => {
    const broker = run(['--port', '0', '--queues', queues]);
    await broker.ready;
    broker.child.disconnect();
    expect(await once(broker.child, 'exit')).toEqual([0, null]);
  });

  test.each([
    { why: 'a bad port', args: ['--queues', 'x', '--port', 'many'], says: /--port many/ },
    { why: 'an unknown option', args: ['--prot', '1'], says: /--prot/ },
    { why: 'no file of queues', args: ['--port', '0'], says: /usage: main\.ts --queues FILE/ },
    { why: 'a missing file', args: ['--queues', '/nowhere.json'], says: /\/nowhere\.json cannot be read/ },
    { why: 'a file without queues', args: ['--queues', import.meta.filename], says: /is not valid JSON/ },
  ])('$why is one line and exit code 1', async ({ args, says }) => {
    const broker = run(args);
    expect(await once(broker.child, 'close')).toEqual([1, null]);
    expect(broker.stderr()).toMatch(says);
    expect(broker.stderr().trim().split('\n')).toHaveLength(1);
  });

  test('a port that is taken is one line and exit code 1', async () => {
    const { port } = await start();
    const broker = run(['--port', String(port), '--queues', queues]);
    expect(await once(broker.child, 'close')).toEqual([1, null]);
    expect(broker.stderr()).toBe(`Service Bus broker: port ${port} is already in use\n`);
  });
});

function run(args: readonly string[]): BrokerProcess {
  const broker = runBroker(args);
  cleanups.push(() => broker.kill());
  return broker;
}

/** Bodies in the order in which they came. */
class Arrivals {
  readonly #came = new Set<unknown>();
  readonly #awaited = new Map<unknown, () => void>();

  readonly add = (body: unknown): void => {
    this.#came.add(body);
    this.#awaited.get(body)?.();
  };

  async until(body: unknown): Promise<void> {
    if (!this.#came.has(body)) await new Promise<void>((resolve) => this.#awaited.set(body, resolve));
  }
}

/** Stands between a client and the broker; `cut` breaks every connection. */
async function startProxy(target: number): Promise<{ readonly port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  cleanups.push(() => {
    cut();
    return Promise.resolve(server.close());
  });
  return { port: (server.address() as AddressInfo).port, cut };
}
