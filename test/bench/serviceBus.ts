import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ServiceBusClient,
  type ServiceBusMessage,
  type ServiceBusReceiver,
  type ServiceBusSender,
} from '@azure/service-bus';
import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import { quantile } from './quantile.ts';

/** What the local Service Bus broker does on this machine, in a process of its own, with the Azure SDK as its client. */
export interface ServiceBusFigures {
  readonly sendsPerSecond: number;
  readonly completionsPerSecond: number;
  readonly sendToHandlerP50Ms: number;
  readonly sendToHandlerP99Ms: number;
  readonly backlogDrainSeconds: number;
  readonly backlogBytesPerMessage: number;
}

export const SERVICE_BUS_GOALS = {
  sendsPerSecond: 5_000,
  completionsPerSecond: 5_000,
  sendToHandlerP50Ms: 2,
  backlogBytesPerMessage: 4_096,
} as const satisfies Partial<ServiceBusFigures>;

const SENDS = 20_000;
const IN_FLIGHT = 100;
const ROUND_TRIPS = 1_000;
const BACKLOG = 100_000;
const BATCH = 500;
const [QUEUE, BACKLOG_QUEUE, ROUND_TRIP_QUEUE] = ['mcp-orchestrator', 'mcp-debugger', 'mcp-protocol-expert'];

/** `dataDir`: the broker keeps its queues there, as under `npm start`; without it they live in memory. */
export async function benchServiceBus(dataDir?: string): Promise<ServiceBusFigures> {
  const broker = await startBrokerProcess(dataDir);
  const client = new ServiceBusClient(broker.connectionString);
  try {
    const sendsPerSecond = await benchSends(client.createSender(QUEUE));
    const completionsPerSecond = await benchCompletions(client.createReceiver(QUEUE), SENDS);
    const latencies = await benchRoundTrips(client);
    const backlog = await benchBacklog(client, () => residentBytes(broker.process));
    return {
      sendsPerSecond,
      completionsPerSecond,
      sendToHandlerP50Ms: quantile(latencies, 0.5),
      sendToHandlerP99Ms: quantile(latencies, 0.99),
      ...backlog,
    };
  } finally {
    await client.close();
    broker.process.kill('SIGTERM');
    await once(broker.process, 'exit');
  }
}

async function startBrokerProcess(
  dataDir: string | undefined,
): Promise<{ process: ChildProcess; connectionString: string }> {
  const main = fileURLToPath(new URL('../../infra/local/serviceBus.ts', import.meta.url));
  const child = fork(main, ['--port', '0', ...(dataDir === undefined ? [] : ['--data', dataDir])], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const line = child.stdout ? String(((await once(child.stdout, 'data')) as [Buffer])[0]) : '';
  const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
  if (port === undefined) throw new Error(`the broker did not start: ${line}`);
  return { process: child, connectionString: connectionStringFor(Number(port)) };
}

async function benchSends(sender: ServiceBusSender): Promise<number> {
  await sender.sendMessages(message());
  const seconds = await timed(async () => {
    let left = SENDS - 1;
    await inParallel(IN_FLIGHT, async () => {
      while (left-- > 0) await sender.sendMessages(message());
    });
  });
  await sender.close();
  return SENDS / seconds;
}

async function benchCompletions(receiver: ServiceBusReceiver, count: number): Promise<number> {
  const seconds = await timed(() => drain(receiver, count));
  await receiver.close();
  return count / seconds;
}

/** From before the send until the handler runs, one message at a time. */
async function benchRoundTrips(client: ServiceBusClient): Promise<number[]> {
  const sender = client.createSender(ROUND_TRIP_QUEUE);
  const receiver = client.createReceiver(ROUND_TRIP_QUEUE);
  let arrived = Promise.withResolvers<number>();
  receiver.subscribe({
    processMessage: () => {
      arrived.resolve(performance.now());
      return Promise.resolve();
    },
    processError: ({ error }) => {
      arrived.reject(error);
      return Promise.resolve();
    },
  });
  const latencies: number[] = [];
  for (let round = 0; round < ROUND_TRIPS; round++) {
    arrived = Promise.withResolvers<number>();
    const sentAt = performance.now();
    await sender.sendMessages(message());
    latencies.push((await arrived.promise) - sentAt);
  }
  await receiver.close();
  return latencies;
}

async function benchBacklog(
  client: ServiceBusClient,
  resident: () => number,
): Promise<Pick<ServiceBusFigures, 'backlogDrainSeconds' | 'backlogBytesPerMessage'>> {
  const before = resident();
  const sender = client.createSender(BACKLOG_QUEUE);
  for (let sent = 0; sent < BACKLOG; sent += BATCH) {
    await sender.sendMessages(Array.from({ length: BATCH }, message));
  }
  const queued = resident();
  const receiver = client.createReceiver(BACKLOG_QUEUE);
  const backlogDrainSeconds = await timed(() => drain(receiver, BACKLOG));
  const growth = Math.max(queued, resident()) - before;
  return { backlogDrainSeconds, backlogBytesPerMessage: growth / BACKLOG };
}

async function drain(receiver: ServiceBusReceiver, count: number): Promise<void> {
  for (let received = 0; received < count;) {
    const messages = await receiver.receiveMessages(Math.min(IN_FLIGHT, count - received), {
      maxWaitTimeInMs: 5_000,
    });
    if (messages.length === 0) throw new Error(`${received} of ${count} messages received`);
    await Promise.all(messages.map((received) => receiver.completeMessage(received)));
    received += messages.length;
  }
}

const PAYLOAD = 'x'.repeat(400);

function message(): ServiceBusMessage {
  return { messageId: crypto.randomUUID(), body: { taskType: 'bench', payload: PAYLOAD } };
}

async function inParallel(lanes: number, lane: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

function residentBytes(child: ChildProcess): number {
  return 1024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' }));
}

/** Measures with the queues on disk and in memory, and prints each figure beside its goal. */
export async function printServiceBus(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-service-bus-'));
  const inMemory = await benchServiceBus();
  const onDisk = await benchServiceBus(dataDir);
  await rm(dataDir, { recursive: true });
  const goals: Partial<ServiceBusFigures> = SERVICE_BUS_GOALS;
  const rounded = (value: number) => Number(value.toPrecision(4));
  console.table(
    (Object.keys(onDisk) as (keyof ServiceBusFigures)[]).map((figure) => ({
      figure,
      'on disk': rounded(onDisk[figure]),
      'in memory': rounded(inMemory[figure]),
      goal: goals[figure] ?? '',
    })),
  );
}
