import { afterAll, beforeAll, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { delegated } from '../support/delegating.ts';
import { differing, hostileTools } from '../support/hostileTools.ts';
import { watchLoopDelays } from '../support/loopDelays.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { post } from '../support/rawClient.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';
import { startUpstreamServer, type UpstreamServer } from '../support/upstreamServer.ts';

/** One task that judged these schemas on the event loop held it up for 2.5 seconds at least. */
const HELD_UP_MS = 1_000;

const offered = [...hostileTools];
const delays = watchLoopDelays();
let topology: TestTopology;
let hostile: UpstreamServer;
let friendly: UpstreamServer;
let attacker: Api;
let callAsVictim: () => Promise<unknown>;

beforeAll(async () => {
  hostile = await startUpstreamServer(offered);
  friendly = await startUpstreamServer([
    { listed: { name: 'echo', inputSchema: { type: 'object' } }, result: { content: [] } },
  ]);
  topology = await startTestTopology(delays.options);
  attacker = managementApi(
    topology.urls.management,
    await topology.mint({ role: 'Admin', tenant: secondTenant }),
  );
  const victim = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  for (const [api, slug, { url }] of [
    [attacker, 'hostile', hostile],
    [victim, 'friendly', friendly],
  ] as const)
    expect((await api.post('/servers?wait=20', { slug, url })).body).toMatchObject({ status: 'active' });
  const authorization = `Bearer ${await topology.mint({ role: 'User' })}`;
  callAsVictim = async () => {
    const url = `${topology.urls.mcp}/servers/friendly/mcp`;
    const answer = await post(url, 'modern', 'tools/call', { name: 'echo' }, { authorization });
    return (await answer.all())[0];
  };
});
afterAll(async () => {
  await topology.stop();
  await Promise.all([hostile.close(), friendly.close()]);
});

/** Calls as the other tenant until the work is done, and returns the longest call in milliseconds. */
async function callWhile(work: Promise<unknown>): Promise<number> {
  const done = new AbortController();
  const ended = work.finally(() => {
    done.abort();
  });
  let longestMs = 0;
  do {
    const startedAt = performance.now();
    expect(await callAsVictim()).toHaveProperty('result');
    longestMs = Math.max(longestMs, performance.now() - startedAt);
  } while (!done.signal.aborted);
  await ended;
  return longestMs;
}

test('schemas that take for ever are found out while another tenant is served', async () => {
  await callAsVictim();
  delays.take('mcp');
  const work = delegated(attacker, { taskType: 'structured_responses', input: { slug: 'hostile' } });
  const longestMs = await callWhile(work);
  const { findings, facts } = await work;
  expect(longestMs).toBeLessThan(HELD_UP_MS);
  const held = delays.take('mcp');
  expect(held.length).toBeGreaterThan(0);
  expect(Math.max(...held)).toBeLessThan(HELD_UP_MS);

  const rules = Map.groupBy(findings, ({ rule }) => rule);
  expect([...rules.keys()].sort()).toEqual(['output_schema_unchecked', 'structured_content_unchecked']);
  expect(rules.get('output_schema_unchecked')).toMatchObject([
    {
      severity: 'warning',
      message: expect.stringContaining('it took longer than 50 ms') as string,
      evidence: { server: 'hostile', tool: 'names', kind: 'timeout' },
    },
  ]);
  expect(rules.get('structured_content_unchecked')).toHaveLength(10);
  expect(facts).toMatchObject({ notCalled: [{ tool: 'names' }] });
});

test('a server that lists very many tools once it is registered is judged while others are served', async () => {
  for (const name of differing(40_000)) offered.push({ listed: { name }, result: {} });
  delays.take('management');
  const { findings } = await delegated(attacker, {
    agent: 'mcp-protocol-expert',
    task: 'mcp_specification_compliance',
    input: { slug: 'hostile' },
  });
  expect(findings.map(({ rule }) => rule)).toContain('input_schema_is_object');
  expect(Math.max(...delays.take('management'))).toBeLessThan(HELD_UP_MS);
});
