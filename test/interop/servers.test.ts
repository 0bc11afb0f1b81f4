import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browser, describeWith } from '../support/requirement.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';
import { registerServer } from './gateway.ts';
import {
  playwright,
  type RealServer,
  realServers,
  type RunningServer,
  sampleFolder,
  startServer,
} from './servers.ts';
import { type Door, everyCapability, openSession } from './session.ts';

let topology: SharedTopology;
let sample: Awaited<ReturnType<typeof sampleFolder>>;
beforeAll(async () => {
  topology = await useSharedTopology();
  sample = await sampleFolder();
});
afterAll(async () => {
  await topology.stop();
  await sample.remove();
});

const lists = [
  ['tools', 'tools/list'],
  ['prompts', 'prompts/list'],
  ['resources', 'resources/list'],
  ['resources', 'resources/templates/list'],
] as const;

/**
 * Whether a message concerns the session and no call. The gateway answers pings itself and announces only lists that have changed.
 * A question about roots comes at any time, often before the client listens.
 */
const isOfSession = (message: string): boolean =>
  /"method":"(ping|roots\/list|notifications\/tools\/list_changed)"/.test(message);

interface Seen {
  readonly capabilities: object;
  readonly answers: readonly unknown[];
  readonly received: readonly string[];
}

/** Returns all that a client sees of a server at this door. Waits for this number of messages, which may come beside the calls. */
async function look(server: RealServer, door: Door, capabilities: object, atLeast = 0): Promise<Seen> {
  const session = await openSession(door, capabilities);
  const answers: unknown[] = [];
  const offered = lists.filter(([capability]) => session.capabilities[capability]);
  for (const [, method] of offered) answers.push([method, await session.ask(method)]);
  for (const [method, params] of server.asks(sample.folder)) {
    answers.push([method, params, await session.ask(method, params)]);
  }
  const ofCalls = () => session.received.filter((message) => !isOfSession(message));
  await expect.poll(() => ofCalls().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(atLeast);
  await session.close();
  // Messages of different streams overtake each other.
  return { capabilities: session.capabilities, answers, received: ofCalls().toSorted() };
}

function isEqualToDirect(server: RealServer): void {
  let running: RunningServer;
  let doors: Awaited<ReturnType<typeof registerServer>>;
  beforeAll(async () => {
    running = await startServer(server, sample.folder);
    doors = await registerServer(topology, server.slug, running.url);
  });
  afterAll(() => running.stop());

  test.each([
    { can: 'nothing', capabilities: {} },
    { can: 'everything', capabilities: everyCapability },
  ])('is equal to direct for a client that can do $can', async ({ capabilities }) => {
    const direct = await look(server, { url: running.url }, capabilities);
    expect(await look(server, doors.own, capabilities, direct.received.length)).toEqual(direct);
  });
}

describe.each(realServers)('$slug behind the gateway', isEqualToDirect);

describeWith(browser, 'playwright behind the gateway', () => {
  isEqualToDirect(playwright(browser.path ?? ''));
});
