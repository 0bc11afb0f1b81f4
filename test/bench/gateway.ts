import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { managementApi } from '../support/managementApi.ts';
import { startTestTopology } from '../support/topology.ts';
import { type Measured, type Target, load } from './load.ts';
import { costOf, listenerOn } from './processCost.ts';

/** What the gateway has to keep to on two shared cores. */
const GOALS = {
  perSecondAt16: 2_000,
  shareOfEmptyFunction: 0.65,
  addedP50MsAt1: 1.5,
  addedCpuMs: 0.4,
  residentMb: 200,
} as const;
const MANY = 10;

const call = (name: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: { text: 'hello' } },
  });

async function start(file: string, children: ChildProcess[], ...args: string[]): Promise<string> {
  const child = fork(join(import.meta.dirname, file), args);
  children.push(child);
  const [said] = (await once(child, 'message')) as [string];
  return said;
}

interface Row extends Measured {
  /** Of the mcp app, for each call. */
  readonly cpuMs: number;
}

/**
 * What the gateway adds to `tools/call`: the bare upstream directly, a plain proxy, a POST that a function of the same host
 * answers without doing anything, and the gateway with sign-in, catalogue and audit in front of the same upstream. In one run, so
 * that the ratios hold where the figures do not.
 */
export async function benchGateway(seconds = 4): Promise<void> {
  const children: ChildProcess[] = [];
  const topology = await startTestTopology();
  try {
    const url = await start('upstream.ts', children);
    const proxy = await start('proxy.ts', children, url);
    const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
    const slugs = Array.from({ length: MANY }, (_, index) => `bare-${index}`);
    for (const slug of slugs) {
      const { body } = await admin.post('/servers?wait=20', { slug, url });
      if (body['status'] !== 'active') throw new Error(`the upstream is ${JSON.stringify(body)}`);
    }
    const headers = {
      authorization: `Bearer ${await topology.mint({ role: 'User' })}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    };
    const at = (origin: string, path: string, ...bodies: string[]): Target => ({
      origin,
      path,
      method: 'POST',
      headers,
      bodies,
    });
    const gateway = (...names: string[]) => at(topology.urls.mcp, '/mcp', ...names.map(call));
    const targets: Readonly<Record<string, Target>> = {
      'upstream directly': at(new URL(url).origin, '/mcp', call('echo')),
      'plain proxy': at(proxy, '/mcp', call('echo')),
      // A POST where there is none is answered by the function that takes everything else.
      'empty function': { ...at(topology.urls.mcp, '/health', call('echo')), expected: 405 },
      gateway: gateway('bare-0__echo'),
      'gateway, events': gateway('bare-0__stream'),
      [`gateway, ${MANY} servers`]: gateway(...slugs.map((slug) => `${slug}__echo`)),
    };
    const app = listenerOn(topology.ports.mcp);
    for (const connections of [1, 16, 64]) {
      const rows: Record<string, Row> = {};
      for (const [name, target] of Object.entries(targets)) {
        const before = costOf(app);
        const measured = await load(target, connections, seconds);
        rows[name] = { ...measured, cpuMs: (costOf(app).cpuMs - before.cpuMs) / measured.calls };
      }
      print(connections, rows);
    }
    console.log(`  memory of the app ${costOf(app).residentMb.toFixed(0)} MB (goal ${GOALS.residentMb})`);
  } finally {
    await topology.stop();
    for (const child of children) child.kill();
  }
}

function print(connections: number, rows: Readonly<Record<string, Row>>): void {
  const empty = rows['empty function'];
  const proxy = rows['plain proxy'];
  const ours = rows['gateway'];
  console.log(`\ntools/call, ${connections} connection${connections === 1 ? '' : 's'}`);
  for (const [name, { perSecond, p50Ms, p99Ms, cpuMs }] of Object.entries(rows)) {
    const figures = [
      `${perSecond.toFixed(0).padStart(6)}/s`,
      `p50 ${p50Ms.toFixed(2)} ms`,
      `p99 ${p99Ms.toFixed(2)} ms`,
      `app CPU ${cpuMs.toFixed(2)} ms`,
    ];
    console.log(`  ${name.padEnd(20)} ${figures.join('  ')}`);
  }
  if (!empty || !proxy || !ours) return;
  const compared = [
    `${(ours.perSecond / empty.perSecond).toFixed(2)} of the empty function (goal ${GOALS.shareOfEmptyFunction})`,
    `CPU +${(ours.cpuMs - empty.cpuMs).toFixed(2)} ms (goal ${GOALS.addedCpuMs})`,
    ...(connections === 1
      ? [`p50 +${(ours.p50Ms - proxy.p50Ms).toFixed(2)} ms over the proxy (goal ${GOALS.addedP50MsAt1})`]
      : []),
    ...(connections === 16 ? [`${ours.perSecond.toFixed(0)}/s (goal ${GOALS.perSecondAt16})`] : []),
  ];
  console.log(`  gateway: ${compared.join(', ')}`);
}
