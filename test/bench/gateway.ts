import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { managementApi } from '../support/managementApi.ts';
import { startTestTopology } from '../support/topology.ts';
import { type Measured, type Target, load } from './load.ts';

const call = (name: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: { text: 'hello' } },
  });

/**
 * What the gateway adds to `tools/call`: the bare upstream directly, a function of the same host that does nothing, and
 * the gateway with sign-in in front of the same upstream. In one run, so that the ratios hold where the figures do not.
 */
export async function benchGateway(seconds = 4): Promise<void> {
  const upstream = fork(join(import.meta.dirname, 'upstream.ts'));
  const [url] = (await once(upstream, 'message')) as [string];
  const topology = await startTestTopology();
  try {
    const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
    const { body } = await admin.post('/servers?wait=20', { slug: 'bare', url });
    if (body['status'] !== 'active') throw new Error(`the upstream is ${JSON.stringify(body)}`);
    const headers = {
      authorization: `Bearer ${await topology.mint({ role: 'User' })}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    };
    const targets: Readonly<Record<string, Target>> = {
      'upstream directly': {
        origin: new URL(url).origin,
        path: '/mcp',
        method: 'POST',
        headers,
        body: call('echo'),
      },
      'empty function': { origin: topology.urls.mcp, path: '/health', method: 'GET' },
      gateway: { origin: topology.urls.mcp, path: '/mcp', method: 'POST', headers, body: call('bare__echo') },
    };
    for (const connections of [1, 16]) {
      const rows: Record<string, Measured> = {};
      for (const [name, target] of Object.entries(targets))
        rows[name] = await load(target, connections, seconds);
      print(connections, rows);
    }
  } finally {
    await topology.stop();
    upstream.kill();
  }
}

function print(connections: number, rows: Readonly<Record<string, Measured>>): void {
  const base = rows['empty function']?.perSecond ?? Number.NaN;
  console.log(`\ntools/call, ${connections} connection${connections === 1 ? '' : 's'}`);
  for (const [name, { perSecond, p50Ms, p99Ms }] of Object.entries(rows)) {
    const figures = [
      `${perSecond.toFixed(0).padStart(6)}/s`,
      `p50 ${p50Ms.toFixed(2)} ms`,
      `p99 ${p99Ms.toFixed(2)} ms`,
      `${(perSecond / base).toFixed(2)} of the empty function`,
    ];
    console.log(`  ${name.padEnd(18)} ${figures.join('  ')}`);
  }
}
