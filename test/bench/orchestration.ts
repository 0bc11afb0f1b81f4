import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { storageConnection } from '../../infra/local/settings.ts';
import { openAudit } from '../../shared/audit/journal/audit.ts';
import { azureTableTrailStore } from '../../shared/audit/journal/azureTableTrailStore.ts';
import { delegate } from '../../shared/orchestration/engine/delegate.ts';
import { messageOf } from '../../shared/orchestration/engine/message.ts';
import {
  claim,
  type Delegation,
  finish,
  newDelegation,
} from '../../shared/orchestration/model/delegation.ts';
import { azureTableDelegationStore } from '../../shared/orchestration/stores/azureTableStores.ts';
import { taskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { jsonLog } from '../../shared/platform/telemetry/log.ts';
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
  console.log(`  bare loop          ${bare.toFixed(0).padStart(6)}/s of the same table and queue operations`);
  console.log(`  share              ${(sustained / bare).toFixed(2).padStart(6)}`);
}

/** The round trip at a steady rate and the rate at full load, a round each. */
export async function measureDelegations(): Promise<Measured> {
  const topology = await startTestTopology();
  try {
    const roundTrip: number[] = [];
    for (let round = 0; round < ROUNDS; round++) roundTrip.push(quantile(await roundTrips(topology), 0.5));
    return { roundTrip, delegations: [await fullLoad(topology, FULL_LOAD_SECONDS)] };
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

/** The same operations by the same clients, in one process and with nothing around them. */
async function bareLoop(seconds: number): Promise<number> {
  const topology = await startTestTopology({ withoutApps: true });
  const storage = storageConnection(topology.ports);
  const client = new ServiceBusClient(connectionStringFor(topology.ports.serviceBus));
  try {
    const store = azureTableDelegationStore(openTables(storage), [defaultTenant]);
    const trail = azureTableTrailStore(storage);
    const audit = openAudit({
      store: trail,
      clock: systemClock,
      newId: randomId,
      log: jsonLog('bench', () => undefined),
    });
    const sender = client.createSender(AGENT);
    const receiver = client.createReceiver(AGENT, { receiveMode: 'peekLock' });
    let open = 0;
    let ended = 0;
    const act = { tenantId: defaultTenant, actor: 'bench', action: 'bench', resource: 'bench', traceId: '' };
    const handler = async ({ body }: { body: unknown }) => {
      const { delegationId } = body as { delegationId: string };
      const stored = await store.find(defaultTenant, delegationId);
      const claimed = stored && claim(stored.value, new Date(), 60_000);
      if (!stored || claimed?.kind !== 'claimed') throw new Error('nothing to claim');
      const written = await store.replace(claimed.delegation, stored.etag);
      if (written.status !== 'replaced') throw new Error('a claim was lost');
      await store.replace(
        finish(claimed.delegation, { success: true, result: {} }, new Date()),
        written.etag,
      );
      audit.append({ ...act, decision: 'allowed', outcome: 'succeeded', durationMs: 0 });
      open -= 1;
      ended += 1;
    };
    const failed = Promise.withResolvers<never>();
    receiver.subscribe(
      {
        processMessage: handler,
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
        const delegation = queued();
        const begun = await audit.writeAhead(act);
        await store.add(delegation);
        await sender.sendMessages({ messageId: `${delegation.id}:1`, body: messageOf(delegation) });
        begun.end('succeeded');
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

function queued(): Delegation {
  const now = new Date();
  return newDelegation(
    {
      id: randomId(),
      tenantId: defaultTenant,
      agent: AGENT,
      task: 'probe',
      input: {},
      requestedBy: 'bench',
      traceparent: '',
      deadline: new Date(now.getTime() + 600_000).toISOString(),
    },
    now,
  );
}
