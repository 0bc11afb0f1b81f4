import { execFileSync } from 'node:child_process';
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
import { costOf } from './processCost.ts';
import { quantile } from './quantile.ts';

const AGENT = 'fastmcp-specialist';
const ROUNDS = 4;
const ROUND_TRIPS_A_SECOND = 20;
const ROUND_TRIP_SECONDS = 5;
const WARM_UP_TRIPS = 20;
const FULL_LOAD_SECONDS = 8;
const BARE_SECONDS = 4;
const LANES = 24;
/** By each lane, at full load: about 200 delegations in all wait at the same time. */
const ASKED_AT_ONCE = 8;

/** What a delegation takes, and what is sustained for a minute. The goals have its round trip and its CPU. */
export async function benchOrchestration(seconds = 60): Promise<void> {
  console.log('\nDelegations');
  await printOperations();
  const topology = await startTestTopology();
  try {
    const memoryBefore = residentMiB(topology);
    const { perSecond } = await fullLoad(topology, seconds);
    console.log(
      `  full load          ${perSecond.toFixed(0).padStart(6)}/s sustained for ${seconds} s; memory of the apps ${memoryBefore} -> ${residentMiB(topology)}`,
    );
  } finally {
    await topology.stop();
  }
}

/** The round trip at a steady rate, and the CPU of a delegation at full load as a multiple of a pass of the bare loop, in turns. */
export async function measureDelegations(): Promise<Measured> {
  const topology = await startTestTopology();
  const [roundTrip, delegationCpu]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round < ROUNDS; round++) roundTrip.push(quantile(await roundTrips(topology), 0.5));
    for (let round = 0; round < ROUNDS; round++) {
      const bare = await bareLoop(topology, BARE_SECONDS);
      const apps = cpuMs(topology);
      const { ended } = await fullLoad(topology, FULL_LOAD_SECONDS);
      delegationCpu.push((cpuMs(topology) - apps) / ended / bare);
    }
    return { roundTrip, delegationCpu };
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

interface Load {
  readonly ended: number;
  readonly perSecond: number;
}

/**
 * Starts as many delegations as the gateway accepts, and waits until they have ended. Each lane starts some and then waits for the
 * last of them, so the queue holds a bounded number. The load in `GET /agents` is up to a second old and cannot bound it.
 */
async function fullLoad(topology: TestTopology, seconds: number): Promise<Load> {
  const api = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  let ended = 0;
  const startedAt = performance.now();
  const lane = async () => {
    while (performance.now() - startedAt < seconds * 1_000) {
      let last = '';
      for (let index = 0; index < ASKED_AT_ONCE; index++) {
        const { status, body } = await api.post('/delegations', { agent: AGENT, task: 'probe' });
        if (status !== 202) throw new Error(`a delegation was answered ${status}`);
        last = String(body['href']);
      }
      const { body } = await api.get(`${last}?wait=30`);
      if (body['state'] !== 'succeeded') throw new Error(`a delegation is ${JSON.stringify(body)}`);
      ended += ASKED_AT_ONCE;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { ended, perSecond: (ended * 1_000) / (performance.now() - startedAt) };
}

/** The CPU time that all processes of a topology have taken so far. */
function cpuMs(topology: TestTopology): number {
  return processesAt(topology).reduce((sum, { pid }) => sum + costOf(pid).cpuMs, 0);
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
 * The CPU time of one pass with the bare SDK of the tables, here and in the table service: five operations, as a delegation needs
 * them and its audit. Its cost depends on the machine alone, not on the code of the product.
 */
async function bareLoop(topology: TestTopology, seconds: number): Promise<number> {
  const rows = TableClient.fromConnectionString(storageConnection(topology.ports), 'benchRows', {
    allowInsecureConnection: true,
  });
  await rows.createTable();
  let ended = 0;
  const startedAt = performance.now();
  const before = cpuMs(topology) + ownCpuMs();
  const lane = async () => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const id = randomId();
      await rows.createEntity(rowOf(id, 'audit', 'begun'));
      await rows.createEntity(rowOf(id, ROW, 'queued'));
      const { etag } = await rows.getEntity(id, ROW);
      const claimed = await rows.updateEntity(rowOf(id, ROW, 'running'), 'Replace', { etag });
      await rows.updateEntity(rowOf(id, ROW, 'succeeded'), 'Replace', { etag: claimed.etag ?? '' });
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return (cpuMs(topology) + ownCpuMs() - before) / ended;
}

const ownCpuMs = (): number => costOf(process.pid).cpuMs;

const ROW = 'delegation';
/** About as large as a delegation's row. Each pass has a partition of its own, which does not grow with the passes before. */
const rowOf = (partitionKey: string, rowKey: string, state: string) => ({
  partitionKey,
  rowKey,
  state,
  json: 'x'.repeat(600),
});
