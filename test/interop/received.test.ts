import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';
import { registerServer } from './gateway.ts';
import { programs } from './install.ts';
import { type Door, openSession } from './session.ts';
import { startStdioBridge, type StdioBridge } from './stdioBridge.ts';

let topology: SharedTopology;
let bridge: StdioBridge;
let own: Door;
beforeAll(async () => {
  topology = await useSharedTopology();
  const script = join(programs, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
  bridge = await startStdioBridge([script, 'stdio']);
  ({ own } = await registerServer(topology, 'everything-stdio', bridge.url));
});
afterAll(async () => {
  await bridge.close();
  await topology.stop();
});

const bodySchema = z.object({
  method: z.string().optional(),
  id: z.unknown().optional(),
  params: z.looseObject({ requestId: z.unknown().optional(), arguments: z.unknown().optional() }).optional(),
});

/** Runs calls at the door, and returns what the server received of them. */
async function receivedFrom(door: Door): Promise<object> {
  const before = bridge.bodies.length;
  const received = () => bridge.bodies.slice(before).map((body) => bodySchema.parse(JSON.parse(body)));
  const session = await openSession(door);
  for (const args of oddArguments) await session.ask('tools/call', { name: 'echo', arguments: args });
  const leaving = new AbortController();
  const long = { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 60 } };
  const left = session.ask('tools/call', long, leaving.signal);
  await session.receives(/notifications\/progress/);
  leaving.abort('enough');
  await left;
  const cancelled = () => received().find(({ method }) => method === 'notifications/cancelled');
  await vi.waitUntil(cancelled, { timeout: 5_000 });
  await session.close();

  const calls = received().filter(({ method }) => method === 'tools/call');
  expect(cancelled()?.params?.requestId).toBe(calls.at(-1)?.id);
  // As text, so that the order of the keys counts.
  return calls.map(({ params }) => JSON.stringify(params?.arguments));
}

const oddArguments = [
  { message: '', empty: {}, none: null, list: [], nested: [[{ z: 1, a: [null, {}] }]] },
  { '': 'an empty key', b: true, a: false, message: '\u2028\u0000"\\' },
  { message: 'x'.repeat(100_000) },
  { message: '世界', tiny: 5e-324, large: 1.7976931348623157e308, negative: -0.1 },
];

test('a server receives arguments as the client sent them, and the cancellation of the call that was left', async () => {
  const direct = await receivedFrom({ url: bridge.url });
  expect(direct).toHaveLength(oddArguments.length + 1);
  expect(await receivedFrom(own)).toEqual(direct);
});
