import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { TableClient } from '@azure/data-tables';
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
const FULL_LOAD_SECONDS = 8;
const BARE_SECONDS = 4;
/** Work that waits at the same time, at full load. */
const IN_FLIGHT = 200;
const LANES = 24;

/** What a delegation takes, and what is sustained for a minute. The goals have its round trip and a comparison of its rate. */
export async function benchOrchestration(seconds = 60): Promise<void> {
  console.log('\nDelegations');
  await printOperations();
  const topology = await startTestTopology();
  try {
    const memoryBefore = residentMiB(topology);
    const sustained = await fullLoad(topology, seconds);
    console.log(
      `  full load          ${sustained.toFixed(0).padStart(6)}/s sustained for ${seconds} s; memory of the apps ${memoryBefore} -> ${residentMiB(topology)}`,
    );
  } finally {
    await topology.stop();
  }
}

/** The round trip at a steady rate, and the rate at full load as a multiple of that of the bare loop, in turns. */
export async function measureDelegations(): Promise<Measured> {
  const topology = await startTestTopology();
  const [roundTrip, delegations]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round < ROUNDS; round++) roundTrip.push(quantile(await roundTrips(topology), 0.5));
    for (let round = 0; round < ROUNDS; round++) {
      const bare = await bareLoop(topology, BARE_SECONDS);
      delegations.push((await fullLoad(topology, FULL_LOAD_SECONDS)) / bare);
    }
    return { roundTrip, delegations };
  } finally {
    await topology.stop();
  }
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
 * What this process does a second with the bare SDK of the tables and nothing around it: five operations, as a delegation needs
 * them and its audit. It is a measure of the machine and stays as it is when a delegation becomes cheaper.
 */
async function bareLoop({ ports }: TestTopology, seconds: number): Promise<number> {
  const rows = TableClient.fromConnectionString(storageConnection(ports), 'benchRows', {
    allowInsecureConnection: true,
  });
  await rows.createTable();
  let ended = 0;
  const startedAt = performance.now();
  const lane = async () => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const id = randomId();
      await rows.createEntity(rowOf(`${id}:audit`, 'begun'));
      await rows.createEntity(rowOf(id, 'queued'));
      const { etag } = await rows.getEntity(PARTITION, id);
      const claimed = await rows.updateEntity(rowOf(id, 'running'), 'Replace', { etag });
      await rows.updateEntity(rowOf(id, 'succeeded'), 'Replace', { etag: claimed.etag ?? '' });
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return (ended * 1_000) / (performance.now() - startedAt);
}

const PARTITION = 'bench';
/** About as large as a delegation's row. */
const rowOf = (rowKey: string, state: string) => ({
  partitionKey: PARTITION,
  rowKey,
  state,
  json: 'x'.repeat(600),
});
