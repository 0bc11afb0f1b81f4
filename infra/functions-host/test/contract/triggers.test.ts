import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceBusClient, type ServiceBusSender } from '@azure/service-bus';
import { type Broker, startBroker } from '@mcp-registry-gateway/service-bus';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildSample, type BuiltSample, type SampleHost, startSampleHost } from '../support/sampleHost.ts';

let sample: BuiltSample;
let host: SampleHost | undefined;

beforeAll(async () => {
  sample = await buildSample({
    extensions: { http: { routePrefix: '' }, serviceBus: { maxConcurrentCalls: 16 } },
  });
});
afterAll(async () => {
  await sample.remove();
});
afterEach(kill);

async function kill(): Promise<void> {
  await host?.stop('SIGKILL');
  host = undefined;
}

async function start(env: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<SampleHost> {
  host = await startSampleHost(sample.root, { env: { SAMPLE_STREAMING: 'on', ...env }, args });
  return host;
}

describe('a queue trigger', () => {
  const settings = {
    lockDurationSeconds: 30,
    maxDeliveryCount: 3,
    duplicateDetectionWindowSeconds: 0,
    defaultTimeToLiveSeconds: 3600,
  };
  let broker: Broker;
  let client: ServiceBusClient;
  let sender: ServiceBusSender;

  const startFresh = async (port: number): Promise<Broker> =>
    await startBroker({ port, queues: { 'work-queue': settings } });

  beforeEach(async () => {
    broker = await startFresh(0);
    client = new ServiceBusClient(broker.connectionString);
    sender = client.createSender('work-queue');
  });
  afterEach(async () => {
    await client.close();
    await broker.stop();
  });

  const startWorker = (): Promise<SampleHost> =>
    start({
      SAMPLE_FUNCTIONS: 'queues',
      SAMPLE_SERVICE_BUS: broker.connectionString,
      SAMPLE_QUEUE: 'work-queue',
    });

  /** Resolves when the queue has given away all it had, to what it then holds for good. */
  async function settled(): Promise<{ readonly left: number; readonly dead: string[] }> {
    const queue = broker.queue('work-queue');
    while (queue.counts().ready + queue.counts().locked > 0) await new Promise(setImmediate);
    const receiver = client.createReceiver('work-queue', { subQueueType: 'deadLetter' });
    const dead = await receiver.peekMessages(100);
    await receiver.close();
    return { left: queue.counts().ready, dead: dead.map(({ messageId }) => String(messageId)).toSorted() };
  }

  test('completes the message of a function that returns', async () => {
    const worker = await startWorker();
    await sender.sendMessages({ messageId: 'm-1', body: { id: 'one' } });
    expect(await worker.reported('returned')).toBe('one');
    expect(await settled()).toEqual({ left: 0, dead: [] });
  });

  test('gives the function its message and metadata as Azure does, mangled', async () => {
    const worker = await startWorker();
    await sender.sendMessages({
      messageId: '123',
      correlationId: 'true',
      subject: 'subject',
      body: { id: 'one', Nested: { Kept: 1 } },
      applicationProperties: { TenantId: 't' },
    });
    const seen = (await worker.reported('message')) as {
      metadata: Record<string, unknown>;
      message: unknown;
    };
    expect(seen.message).toEqual({ id: 'one', Nested: { Kept: 1 } });
    expect(seen.metadata).toMatchObject({
      messageId: 123,
      correlationId: true,
      subject: 'subject',
      label: 'subject',
      deliveryCount: 1,
      sequenceNumber: expect.any(Number) as number,
      lockToken: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      enqueuedTimeUtc: expect.not.stringMatching(/Z$/) as string,
      applicationProperties: { tenantId: 't' },
      userProperties: { tenantId: 't' },
    });
    expect(seen.metadata).not.toHaveProperty('sessionId');
  });

  test('abandons the message of a function that throws, until the broker dead-letters it', async () => {
    const worker = await startWorker();
    await sender.sendMessages({ messageId: 'm-bad', body: { id: 'bad', fail: true } });
    for (const deliveryCount of [1, 2, 3]) {
      expect(await worker.reported('message')).toMatchObject({ metadata: { deliveryCount } });
    }
    expect(await settled()).toEqual({ left: 0, dead: ['m-bad'] });
  });

  test('never completes the message of a function that throws beside one that returns in the same tick', async () => {
    await startWorker();
    const bad = Array.from({ length: 15 }, (_, index) => `m-bad-${String(index).padStart(2, '0')}`);
    const messages = ['m-good', ...bad].map((messageId) => ({
      messageId,
      body: { id: messageId, fail: messageId !== 'm-good', together: 16 },
    }));
    await sender.sendMessages(messages);
    expect(await settled()).toEqual({ left: 0, dead: bad });
  });

  test('waits for a broker that is down at the start, and says so once', async () => {
    const { port } = broker;
    await broker.stop();
    const worker = await startWorker();
    await worker.complained('is not reachable, trying on');
    broker = await startFresh(port);
    await sender.sendMessages({ messageId: 'm-1', body: { id: 'one' } });
    expect(await worker.reported('returned')).toBe('one');
    expect(worker.output().stderr.match(/not reachable/g)).toHaveLength(1);
  });

  test('finds a broker again that was away', async () => {
    const { port } = broker;
    const worker = await startWorker();
    await sender.sendMessages({ messageId: 'm-1', body: { id: 'before' } });
    expect(await worker.reported('returned')).toBe('before');
    await broker.stop();
    await worker.complained('not reachable');
    broker = await startFresh(port);
    await sender.sendMessages({ messageId: 'm-2', body: { id: 'after' } });
    expect(await worker.reported('returned')).toBe('after');
  });

  test('stops within the bound, whether its broker is there or not', async () => {
    const worker = await startWorker();
    await sender.sendMessages({ messageId: 'm-1', body: { id: 'one' } });
    await worker.reported('returned');
    expect(await worker.stop()).toBe(0);
    await broker.stop();
    const waiting = await startWorker();
    await waiting.complained('not reachable');
    expect(await waiting.stop()).toBe(0);
  });

  test('lets a running function end and settles its message before the host stops', async () => {
    const worker = await startWorker();
    await sender.sendMessages({ messageId: 'm-1', body: { id: 'waits', together: 2 } });
    await worker.reported('message');
    worker.child.kill('SIGTERM');
    worker.child.send({ type: 'meet' });
    expect(await once(worker.child, 'exit')).toEqual([0, null]);
    expect(await settled()).toEqual({ left: 0, dead: [] });
  });
});

describe('a timer trigger', () => {
  let data: string;

  beforeEach(async () => {
    data = await mkdtemp(path.join(tmpdir(), 'sample-data-'));
  });
  afterEach(async () => {
    // A host that still ran would go on to write there.
    await kill();
    await rm(data, { recursive: true });
  });

  const startTimers = (): Promise<SampleHost> =>
    start({ SAMPLE_FUNCTIONS: 'timers', SAMPLE_SCHEDULE: '* * * * * *' }, ['--data', data]);

  test('runs at the start when told to, and then on its schedule', async () => {
    const timers = await startTimers();
    const first = await timers.reported('atStart');
    expect(first).toEqual({
      timer: { schedule: { adjustForDST: true }, scheduleStatus: null, isPastDue: false },
    });
    expect(await timers.reported('atStart')).toEqual(first);
  });

  test('is retried with what went wrong before', async () => {
    const timers = await startTimers();
    expect(await timers.reported('retried')).toBeNull();
    expect(await timers.reported('retried')).toMatchObject({
      retryCount: 1,
      maxRetryCount: 2,
      exception: { message: 'attempt 1 fails on purpose' },
    });
    expect(await timers.reported('retried')).toMatchObject({
      retryCount: 2,
      exception: { message: 'attempt 2 fails on purpose' },
    });
  });

  test('makes up for a run that was missed between two hosts', async () => {
    const first = await startTimers();
    await first.reported('retried');
    await first.stop();
    const files = await readdir(path.join(data, 'timers'), { recursive: true });
    const file = path.join(data, 'timers', files.find((name) => name.endsWith('hourly.json')) ?? '');
    const status = JSON.parse(await readFile(file, 'utf8')) as object;
    const longAgo = '2026-01-01T00:30:00.000Z';
    await writeFile(file, JSON.stringify({ ...status, last: longAgo, lastUpdated: longAgo }));
    const second = await startTimers();
    expect(await second.reported('hourly')).toMatchObject({
      timer: { isPastDue: true, scheduleStatus: { last: longAgo, lastUpdated: longAgo } },
    });
  });
});
