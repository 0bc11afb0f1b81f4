import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { localOrigin } from '../../infra/local/defaults.ts';
import { storageConnection } from '../../infra/local/settings.ts';
import { startTopology, type Topology } from '../../infra/local/topology.ts';
import { managementApi } from '../support/managementApi.ts';
import { testPlace } from '../support/place.ts';
import { startSlowProxy } from '../support/slowProxy.ts';
import { wideLimits } from '../support/topology.ts';
import { toolCall } from './front.ts';
import { paced } from './openLoop.ts';

const IDLE_MINUTES = 15;
const CALLS = 2_000;
const ALONE = 60;
const DELEGATIONS = 500;
/** Between two delegations, so that each is one alone. */
const DELEGATION_PAUSE_MS = 100;
const SETTLE_MS = 3_000;

/**
 * Measures what the cost table of `docs/operate.md` multiplies with prices, and prints it as `infra/costs/quantities.json` has
 * it: requests to the table service, bytes of the apps' logs and executions of functions. The state is on tables, which makes
 * the most requests. Takes about 20 minutes, most of them idle.
 */
async function measureQuantities() {
  // No redis-server is found there, so the state is on tables.
  process.env['PATH'] = dirname(process.execPath);
  const place = await testPlace();
  let tableRequests = 0;
  const tables = await startSlowProxy(localOrigin(place.ports.table));
  tables.delay = () => {
    tableRequests += 1;
    return 0;
  };
  const upstream = fork(join(import.meta.dirname, 'upstream.ts'), ['legacy', '1']);
  const [[url]] = (await once(upstream, 'message')) as [[string]];
  const topology = await startTopology({
    ...place,
    build: false,
    settings: {
      MREG_RATE_LIMITS: wideLimits,
      MREG_TABLES: storageConnection({ ...place.ports, table: Number(new URL(tables.origin).port) }),
    },
  });
  const logs = (['management', 'mcp'] as const).map((app) => join(place.dataDir, 'logs', `${app}.log`));
  const counted = async () => {
    const sizes = await Promise.all(logs.map(async (log) => (await stat(log)).size));
    const lines = (await Promise.all(logs.map((log) => readFile(log, 'utf8')))).join('');
    const delegations = lines.match(/"event":"delegation_started"/g)?.length ?? 0;
    const logLines = lines.split('\n').length;
    return { tableRequests, logBytes: sizes.reduce((sum, size) => sum + size, 0), logLines, delegations };
  };
  /** What the act took, for each of `times`. */
  const during = async (times: number, act: () => Promise<unknown>) => {
    const before = await counted();
    await act();
    await delay(SETTLE_MS);
    const after = await counted();
    return {
      tableRequests: round((after.tableRequests - before.tableRequests) / times),
      logBytes: round((after.logBytes - before.logBytes) / times),
      logLines: round((after.logLines - before.logLines) / times),
      delegations: round((after.delegations - before.delegations) / times),
    };
  };
  try {
    const call = await caller(topology, url);
    const api = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
    const calls = {
      alone: await during(ALONE, () => paced(1, ALONE, call)),
      at20: await during(CALLS, () => paced(20, CALLS, call)),
      at200: await during(CALLS * 2, () => paced(200, CALLS * 2, call)),
    };
    const delegation = await during(DELEGATIONS, async () => {
      for (let index = 0; index < DELEGATIONS; index++) {
        await api.post('/delegations', { agent: 'fastmcp-specialist', task: 'probe' });
        await delay(DELEGATION_PAUSE_MS);
      }
    });
    const idleHour = await during(IDLE_MINUTES / 60, () => delay(IDLE_MINUTES * 60_000));
    const measured = new Date().toISOString().slice(0, 10);
    console.log(JSON.stringify({ measured, toolCall: calls, delegation, idleHour }, undefined, 2));
  } finally {
    await topology.stop();
    await tables.close();
    upstream.kill();
    await place.remove();
  }
}

/** Registers the server and returns a call of its tool. */
async function caller(topology: Topology, url: string): Promise<() => Promise<void>> {
  const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  await admin.post('/servers?wait=20', { slug: 'bare', url });
  const headers = {
    authorization: `Bearer ${await topology.mint({ role: 'User' })}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  };
  return async () => {
    const body = toolCall('bare__echo');
    const answer = await fetch(`${topology.urls.mcp}/mcp`, { method: 'POST', headers, body });
    await answer.text();
    if (!answer.ok) throw new Error(`a call was answered ${answer.status}`);
  };
}

const round = (value: number): number => Number(value.toPrecision(3));

await measureQuantities();
