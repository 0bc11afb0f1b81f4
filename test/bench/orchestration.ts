import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { TableClient } from '@azure/data-tables';
import { ServiceBusClient } from '@azure/service-bus';
import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import { storageConnection } from '../../infra/local/settings.ts';
import { delegate } from '../../shared/orchestration/engine/delegate.ts';
import { taskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { probes } from '../../shared/specialists/probe.ts';
import { caller, testEngine } from '../support/engine.ts';
import { managementApi } from '../support/managementApi.ts';
import { processesAt } from '../support/place.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';
import type { Measured } from './goals.ts';
import { paced } from './openLoop.ts';
import { quantile } from './quantile.ts';

const AGENT = 'fastmcp-specialist';
const ROUNDS = 4;
const ROUND_TRIPS_A_SECOND = 20;
const ROUND_TRIP_SECONDS = 5;
const WARM_UP_TRIPS = 20;
const FULL_LOAD_SECONDS = 20;
const BARE_SECONDS = 10;
/** Work that waits at the same time, at full load. */
const IN_FLIGHT = 200;
const LANES = 24;

/** What a delegation costs beside a bare loop of the same operations, sustained for a minute. The goals have its round trip. */
export async function benchOrchestration(seconds = 60): Promise<void> {
  console.log('\nDelegations');
  await printOperations();
  const topology = await startTestTopology();
  let sustained: number;
  try {
    const memoryBefore = residentMiB(topology);
    sustained = await fullLoad(topology, seconds);
    console.log(
      `  full load          ${sustained.toFixed(0).padStart(6)}/s sustained for ${seconds} s; memory of the apps ${memoryBefore} -> ${residentMiB(topology)}`,
    );
  } finally {
    await topology.stop();
  }
  const bare = await bareLoop(Math.min(seconds, 20));
  console.log(
    `  bare loop          ${bare.toFixed(0).padStart(6)}/s of five bare table operations and a message`,
  );
  console.log(`  share              ${(sustained / bare).toFixed(2).padStart(6)}`);
}

/** The round trip at a steady rate, and the rate at full load as a multiple of that of the bare loop. */
export async function measureDelegations(): Promise<Measured> {
  const roundTrip: number[] = [];
  let sustained: number;
  const topology = await startTestTopology();
  try {
    for (let round = 0; round < ROUNDS; round++) roundTrip.push(quantile(await roundTrips(topology), 0.5));
    sustained = await fullLoad(topology, FULL_LOAD_SECONDS);
  } finally {
    await topology.stop();
  }
  return { roundTrip, delegations: [sustained / (await bareLoop(BARE_SECONDS))] };
}

/** Each operation on tables and queues that one delegation takes, without those that whoever waits for it makes. */
async function printOperations(): Promise<void> {
  const engine = testEngine();
  const tasks = taskCatalogue(probes({ state: engine.deps.shortLived }));
  await delegate({ agent: AGENT, task: 'probe' }, caller, tasks, engine.deps);
  await engine.drain(tasks);
  const named = engine.log().map((operation) => operation.replace(' delegations', ''));
  console.log(`  operations         ${named.length}: ${named.join(', ')}`);
}

/** Milliseconds from the request until the result is seen. */
async function roundTrips(topology: TestTopology): Promise<readonly number[]> {
  const api = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  const durations: number[] = [];
  const trip = async (keep: boolean) => {
    const startedAt = performance.now();
    const { body } = await api.post('/delegations?wait=30', { agent: AGENT, task: 'probe' });
    if (body['state'] !== 'succeeded') throw new Error(`a delegation is ${JSON.stringify(body)}`);
    if (keep) durations.push(performance.now() - startedAt);
  };
  for (let index = 0; index < WARM_UP_TRIPS; index++) await trip(false);
  await paced(ROUND_TRIPS_A_SECOND, ROUND_TRIPS_A_SECOND * ROUND_TRIP_SECONDS, () => trip(true));
  return durations;
}

/** Delegations a second that end while as many as can be are asked for. */
async function fullLoad(topology: TestTopology, seconds: number): Promise<number> {
  const api = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  const waiting = async () => {
    const { items } = (await api.get('/agents')).body as {
      items: { name: string; load: { queued: number; running: number } }[];
    };
    const load = items.find(({ name }) => name === AGENT)?.load;
    return (load?.queued ?? 0) + (load?.running ?? 0);
  };
  let sent = 0;
  let open = 0;
  const startedAt = performance.now();
  const isOver = () => performance.now() - startedAt > seconds * 1_000;
  const watch = async () => {
    while (!isOver()) {
      open = await waiting();
      await delay(250);
    }
  };
  const lane = async () => {
    while (!isOver()) {
      if (open > IN_FLIGHT) await delay(20);
      else if ((await api.post('/delegations', { agent: AGENT, task: 'probe' })).status === 202) sent += 1;
    }
  };
  await Promise.all([watch(), ...Array.from({ length: LANES }, lane)]);
  while ((await waiting()) > 0) await delay(250);
  return (sent * 1_000) / (performance.now() - startedAt);
}

function residentMiB(topology: TestTopology): string {
  return processesAt(topology)
    .filter(({ command }) => command.includes('host/main.ts'))
    .map(({ pid }) => {
      const kibibytes = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
      return `${Math.round(Number(kibibytes) / 1_024)} MiB`;
    })
    .join(' + ');
}

/**
 * What one process with the bare SDKs and nothing around them does a second: an audit row, a row, a message, then a read, two
 * changes and the settlement. It is a measure of the machine and stays as it is when a delegation becomes cheaper.
 */
async function bareLoop(seconds: number): Promise<number> {
  const topology = await startTestTopology({ withoutApps: true });
  const client = new ServiceBusClient(connectionStringFor(topology.ports.serviceBus));
  const tableOf = (name: string) =>
    TableClient.fromConnectionString(storageConnection(topology.ports), name, {
      allowInsecureConnection: true,
    });
  const [rows, trail] = [tableOf('benchRows'), tableOf('benchTrail')];
  try {
    await Promise.all([rows.createTable(), trail.createTable()]);
    const sender = client.createSender(AGENT);
    const receiver = client.createReceiver(AGENT, { receiveMode: 'peekLock' });
    let open = 0;
    let ended = 0;
    const failed = Promise.withResolvers<never>();
    receiver.subscribe(
      {
        processMessage: async ({ body }) => {
          const { etag } = await rows.getEntity(PARTITION, String(body));
          const claimed = await rows.updateEntity(rowOf(String(body), 'running'), 'Replace', { etag });
          const claim = { etag: claimed.etag ?? '' };
          await rows.updateEntity(rowOf(String(body), 'succeeded'), 'Replace', claim);
          open -= 1;
          ended += 1;
        },
        processError: ({ error }) => {
          failed.reject(error);
          return Promise.resolve();
        },
      },
      { maxConcurrentCalls: 16 },
    );
    const startedAt = performance.now();
    const lane = async () => {
      while (performance.now() - startedAt < seconds * 1_000) {
        if (open > IN_FLIGHT) {
          await delay(5);
          continue;
        }
        open += 1;
        const id = randomId();
        await trail.createEntity(rowOf(id, 'begun'));
        await rows.createEntity(rowOf(id, 'queued'));
        await sender.sendMessages({ messageId: id, body: id });
      }
    };
    await Promise.race([Promise.all(Array.from({ length: LANES }, lane)), failed.promise]);
    while (open > 0) await delay(20);
    return (ended * 1_000) / (performance.now() - startedAt);
  } finally {
    await client.close();
    await topology.stop();
  }
}

const PARTITION = 'bench';
/** About as large as a delegation's row. */
const rowOf = (rowKey: string, state: string) => ({
  partitionKey: PARTITION,
  rowKey,
  state,
  json: 'x'.repeat(600),
});
