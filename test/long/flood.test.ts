import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { rateLimitsSchema } from '../../shared/platform/config/config.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const FLOOD_PER_SECOND = 300;
const SECONDS = 8;
/**
 * A call beside the flood may take this many times as long as beside an equal flood of requests for `/health`, which cost the app
 * nothing. The flood itself takes much of two cores.
 */
const AT_MOST = 3;

let topology: TestTopology;
/** The good calls and the flood have connections of their own. */
let calm: Pool;
let wild: Pool;
let good: string;
/** Tokens that differ, each with a signature that must be checked. */
let bad: readonly string[];

beforeAll(async () => {
  topology = await startTestTopology({
    settings: { MREG_RATE_LIMITS: JSON.stringify(rateLimitsSchema.parse({})) },
  });
  calm = new Pool(topology.urls.mcp, { connections: 1 });
  wild = new Pool(topology.urls.mcp, { connections: 32 });
  good = await topology.mint({ role: 'User' });
  const token = await topology.mint({ role: 'User', tenant: secondTenant });
  const [head = '', body = '', signature = ''] = token.split('.');
  bad = Array.from({ length: 1_000 }, (_, index) => {
    const bytes = Buffer.from(signature, 'base64url');
    bytes.writeUInt32BE(index, 0);
    return [head, body, bytes.toString('base64url')].join('.');
  });
});
afterAll(async () => {
  await Promise.all([calm.close(), wild.close()]);
  await topology.stop();
});

async function call(pool: Pool, token: string): Promise<number> {
  const { statusCode, body } = await pool.request({
    path: '/mcp',
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });
  await body.dump();
  return statusCode;
}

/** Calls one after another, and returns the 95th percentile in ms. Every call must succeed. */
async function p95OfGoodCalls(): Promise<number> {
  const durations: number[] = [];
  const end = performance.now() + SECONDS * 1_000;
  while (performance.now() < end) {
    const begunAt = performance.now();
    expect(await call(calm, good)).toBe(200);
    durations.push(performance.now() - begunAt);
    await sleep(5);
  }
  return durations.sort((a, b) => a - b)[Math.floor(durations.length * 0.95)] ?? Number.NaN;
}

/** Sends requests at a steady rate until the act has ended. Returns how many answers had each status. */
async function flooded<A>(
  send: (index: number) => Promise<number>,
  act: () => Promise<A>,
): Promise<{ value: A; statuses: ReadonlyMap<number, number> }> {
  const statuses = new Map<number, number>();
  const under = new Set<Promise<void>>();
  let sent = 0;
  const timer = setInterval(() => {
    for (let count = 0; count < FLOOD_PER_SECOND / 50; count += 1) {
      const one = send((sent += 1)).then((status) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        under.delete(one);
      });
      under.add(one);
    }
  }, 20);
  try {
    // The burst that the limit allows is over then.
    await sleep(3_000);
    return { value: await act(), statuses };
  } finally {
    clearInterval(timer);
    await Promise.all(under);
  }
}

const sendBad = (index: number) => call(wild, bad[index % bad.length] ?? '');
async function askHealth(): Promise<number> {
  const { statusCode, body } = await wild.request({ path: '/health', method: 'GET' });
  await body.dump();
  return statusCode;
}

test('a flood of bad tokens from the same address delays the calls of a good one no more than other traffic does', async () => {
  const aloneMs = await p95OfGoodCalls();
  const { value: besideHealthMs } = await flooded(askHealth, p95OfGoodCalls);
  const { value: besideBadMs, statuses } = await flooded(sendBad, p95OfGoodCalls);
  const [refused = 0, limited = 0] = [statuses.get(401), statuses.get(429)];
  console.log({ aloneMs, besideHealthMs, besideBadMs, refused, limited });
  // The address gets its checks and no more.
  const { burst, perSecond } = rateLimitsSchema.parse({}).address;
  expect(refused).toBeLessThanOrEqual(burst + perSecond * (SECONDS + 8));
  expect(limited).toBeGreaterThan(refused);
  expect([...statuses.keys()].sort()).toEqual([401, 429]);
  expect(besideBadMs / besideHealthMs).toBeLessThan(AT_MOST);
}, 120_000);
