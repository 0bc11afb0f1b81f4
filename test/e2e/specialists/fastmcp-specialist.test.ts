import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { delegated, rulesOf } from '../../support/delegating.ts';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { describeWith, onPath } from '../../support/requirement.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';
import { startUpstreamServer, type UpstreamServer } from '../../support/upstreamServer.ts';

let topology: TestTopology;
let admin: Api;
let upstream: UpstreamServer;
let token: string;
let sessionId: string;

const outputSchema = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
const tool = (name: string, result: object, more: object = {}) => ({
  listed: {
    name,
    inputSchema: { type: 'object' },
    outputSchema,
    annotations: { readOnlyHint: true },
    ...more,
  },
  result: { content: [], ...result },
});

beforeAll(async () => {
  upstream = await startUpstreamServer([
    tool('sound', { structuredContent: { count: 3 } }),
    tool('mistaken', { structuredContent: { count: 'many' } }),
    tool('silent', {}),
    tool('writes', { structuredContent: { count: 1 } }, { annotations: {} }),
    tool('asks', {}, { inputSchema: { type: 'object', properties: { a: {} }, required: ['a'] } }),
    tool('broken', {}, { outputSchema: { type: 'object', properties: { count: { type: 'number of' } } } }),
  ]);
  topology = await startTestTopology({ demo: true });
  token = await topology.mint({ role: 'Admin' });
  admin = managementApi(topology.urls.management, token);
  sessionId = String((await admin.post('/sessions', { keepToken: true })).body['id']);
  const registered = await admin.post('/servers?wait=20', { slug: 'made', url: upstream.url });
  expect(registered.body).toMatchObject({ status: 'active' });
});
afterAll(async () => {
  await topology.stop();
  await upstream.close();
});

const ask = (task: string, input: object = {}) =>
  delegated(admin, { agent: 'fastmcp-specialist', task, input, sessionId });

describe('a healthy topology', () => {
  test.each(['mcp_server_health', 'middleware_chain_validation'])(
    'passes %s without a finding',
    async (task) => {
      expect(await ask(task)).toMatchObject({ passed: true, findings: [] });
    },
  );

  test('leads a client from every kind of endpoint to the authorization server', async () => {
    const result = await delegated(admin, { taskType: 'oauth_proxy_integration' });
    expect(result.findings).toEqual([]);
    expect(result.facts).toMatchObject({
      authorizationServer: { reached: true },
      endpoints: [
        { kind: 'aggregate', metadata: 200, challenge: { resource_metadata: expect.any(String) as string } },
        { kind: 'server', resource: `${topology.urls.mcp}/servers/inventory/mcp`, metadata: 200 },
        { kind: 'toolset', metadata: 200 },
      ],
    });
    expect(await ask('check_oauth_proxy_status')).toMatchObject({ status: 'healthy', findings: [] });
  });

  test('answers a probe at every stage, each with its time, over HTTP and in process', async () => {
    const { facts, findings } = await delegated(admin, { taskType: 'middleware_chain_setup', sessionId });
    expect(findings).toEqual([]);
    const { stages, upstreams } = facts as {
      stages: { stage: string; by: string; isRight: boolean; durationMs: number }[];
      upstreams: { server: string; durationMs: number }[];
    };
    const walked = (by: string) => new Set(stages.filter((one) => one.by === by).map(({ stage }) => stage));
    const all = ['reachable', 'origin', 'token', 'permission', 'body', 'era', 'catalogue'];
    expect([...walked('http')]).toEqual(all);
    expect([...walked('in_process')]).toEqual(['era', 'catalogue']);
    expect(stages.every(({ isRight }) => isRight)).toBe(true);
    expect(upstreams.map(({ server }) => server)).toEqual(['inventory', 'made', 'toolbox']);
  });

  test('says without a session which stages could not be walked', async () => {
    const result = await delegated(admin, { taskType: 'middleware_chain_setup' });
    expect(rulesOf(result)).toEqual(['token_not_kept:info']);
  });
});

test('structured content is held to the output schema of each tool that can be called', async () => {
  const { facts, findings } = await delegated(admin, {
    taskType: 'structured_responses',
    input: { slug: 'made' },
    sessionId,
  });
  expect(findings.map(({ rule, severity, evidence }) => [rule, severity, evidence['tool']])).toEqual([
    ['output_schema_invalid', 'critical', 'broken'],
    ['structured_content_mismatch', 'critical', 'mistaken'],
    ['structured_content_missing', 'critical', 'silent'],
  ]);
  expect(facts).toMatchObject({
    called: [{ tool: 'sound' }, { tool: 'mistaken' }, { tool: 'silent' }],
    notCalled: [
      { tool: 'writes', why: expect.stringContaining('only reads') as string },
      { tool: 'asks', why: 'it needs arguments' },
      { tool: 'broken', why: expect.stringContaining('output schema') as string },
    ],
  });
  expect(upstream.called).toEqual(['sound', 'mistaken', 'silent']);
  expect(JSON.stringify({ facts, findings })).not.toContain('many');
});

test('without a server only schemas are checked, and nothing is called', async () => {
  const before = upstream.called.length;
  const result = await delegated(admin, { taskType: 'structured_responses' });
  expect(rulesOf(result)).toEqual(['output_schema_invalid:critical', 'no_tool_called:info']);
  expect(upstream.called).toHaveLength(before);
});

test('what is kept of each server is told with age and size, and refreshed where it is old', async () => {
  const fresh = await delegated(admin, { taskType: 'type_caching_optimization' });
  expect(fresh).toMatchObject({ facts: { refreshed: {} }, findings: [] });
  const all = await delegated(admin, {
    taskType: 'type_caching_optimization',
    input: { olderThanMinutes: 0 },
  });
  expect(all.facts).toMatchObject({
    refreshed: { inventory: 'unchanged', made: 'unchanged', toolbox: 'unchanged' },
    catalogue: { versionKnown: true },
    servers: [
      { server: 'inventory', era: 'legacy', tools: 3 },
      { server: 'made', tools: 6 },
      { server: 'toolbox' },
    ],
  });
});

describe('a fault', () => {
  test('of a server is named at the stage upstream and where lists are refreshed; the chain itself is sound', async () => {
    await topology.kill('toolbox');
    const chain = await ask('middleware_chain_validation');
    expect(chain.passed).toBe(true);
    expect(chain.findings).toMatchObject([
      { rule: 'stage_upstream', severity: 'warning', evidence: { server: 'toolbox' } },
    ]);
    const caches = await ask('type_caching_optimization', { olderThanMinutes: 0 });
    expect(rulesOf(caches)).toEqual(['list_not_refreshed:warning']);
    expect(caches.facts).toMatchObject({ refreshed: { toolbox: 'unavailable' } });
    await topology.restart('toolbox');
  });
});

describeWith(onPath('redis-server'), 'a fault of Redis', () => {
  test('fails the health of the mcp app, which names it', async () => {
    await topology.kill('redis');
    const result = await delegated(admin, { agent: 'fastmcp-specialist', task: 'mcp_server_health' });
    expect(result).toMatchObject({ passed: false, error: expect.stringContaining('Redis') as string });
    expect(rulesOf(result)[0]).toBe('redis_refused:critical');
    await topology.restart('redis');
  });
});
