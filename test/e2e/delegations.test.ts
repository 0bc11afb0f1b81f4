import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let operator: Api;
beforeAll(async () => {
  topology = await useSharedTopology({ demo: true });
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
});
afterAll(() => topology.stop());

const validation = { agent: 'fastmcp-specialist', task: 'validate_server_config' };
const create = (input: object, path = '/delegations') => operator.post(path, { ...validation, input });
const hrefOf = ({ headers }: { headers: Headers }) => headers.get('location') ?? '';

test('a delegation goes over its queue to the agent in the other app and comes back with the result', async () => {
  const created = await create({ url: topology.urls.toolbox });
  expect(created).toMatchObject({ status: 202, body: { ...validation, state: 'queued' } });
  const ended = await operator.get(`${hrefOf(created)}?wait=20`);
  expect(ended.body).toMatchObject({
    ...validation,
    state: 'succeeded',
    attempts: 1,
    result: { era: 'modern', tools: expect.any(Array) as unknown[] },
  });
});

test('a caller that waits gets the outcome, and a failure names its kind and cause', async () => {
  const created = await create({ url: 'http://127.0.0.1:9/mcp' }, '/delegations?wait=20');
  const error = { kind: 'unavailable', message: expect.stringContaining('refused') as string };
  expect(created.body).toMatchObject({ state: 'failed', error });
  expect((await operator.get(hrefOf(created))).body).toMatchObject({ state: 'failed', error });
});

test('delegations of the own tenant are listed by agent and state', async () => {
  await create({ url: topology.urls.inventory }, '/delegations?wait=20');
  const query = 'agent=fastmcp-specialist&state=succeeded&from=2026-01-01T00:00:00Z';
  const { body } = await operator.get(`/delegations?${query}`);
  const times = (body['items'] as { createdAt: string }[]).map(({ createdAt }) => Date.parse(createdAt));
  // Two that began at the same time may be in either order.
  for (const [index, time] of times.entries())
    expect(time).toBeLessThan((times[index - 1] ?? Infinity) + 1_000);
  expect((await operator.get('/delegations?to=2026-01-01T00:00:00Z')).body['items']).toEqual([]);
  expect(body['items']).toContainEqual(expect.objectContaining({ ...validation, state: 'succeeded' }));
  expect((await operator.get('/delegations?agent=mcp-protocol-expert')).body['items']).toEqual([]);
  expect((await operator.get('/delegations?state=lost')).body).toMatchObject({
    status: 400,
    errors: [{ path: 'state' }],
  });
  const stranger = managementApi(
    topology.urls.management,
    await topology.mint({ role: 'Admin', tenant: topology.otherTenant }),
  );
  expect((await stranger.get('/delegations')).body['items']).toEqual([]);
});

test('a queued delegation can be cancelled and then never runs', async () => {
  await topology.kill('mcp');
  const created = await create({ url: topology.urls.toolbox });
  expect((await operator.post(`${hrefOf(created)}/cancel`, {})).body).toMatchObject({ state: 'cancelled' });
  await topology.restart('mcp');
  const next = await create({ url: topology.urls.toolbox }, '/delegations?wait=20');
  expect(next.body).toMatchObject({ state: 'succeeded' });
  expect((await operator.get(hrefOf(created))).body).toMatchObject({ state: 'cancelled', attempts: 0 });
});

describe('an impossible delegation is refused, and the error names the nearest possible one', () => {
  test.each([
    {
      body: { taskType: 'dual_server_debuging' },
      status: 404,
      words: 'did you mean "dual_server_debugging"?',
    },
    {
      body: { agent: 'fastmcp-specialst', task: 'x' },
      status: 404,
      words: 'did you mean "fastmcp-specialist"?',
    },
    { body: { agent: 'mcp-orchestrator', task: 'update_registry' }, status: 403, words: 'named plan only' },
    { body: { ...validation, input: { uri: 'x' } }, status: 400, words: 'see errors' },
    {
      body: { ...validation, input: { url: 'x' }, deadline: '2020-01-01T00:00:00Z' },
      status: 400,
      words: 'past',
    },
    { body: { task: 'prob' }, status: 404, words: 'did you mean "probe"?' },
    { body: { agent: 'mcp-debugger' }, status: 400, words: 'see errors' },
  ])('$status: $words', async ({ body, status, words }) => {
    expect(await operator.post('/delegations', body)).toMatchObject({
      status,
      body: { status, detail: expect.stringContaining(words) as string },
    });
  });
});

test('the audit trail has who asked for what, with a record before the act and one after it', async () => {
  await create({ url: topology.urls.toolbox });
  const auditor = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  const { body } = await auditor.get('/audit?action=delegations.create');
  const resource = 'agents/fastmcp-specialist/tasks/validate_server_config';
  expect(body['items']).toContainEqual(expect.objectContaining({ resource, outcome: 'begun' }));
});

test('an agent lists what it can do, with the schemas of input and output', async () => {
  const { body } = await operator.get('/agents/fastmcp-specialist/tasks');
  expect(body['items']).toContainEqual(
    expect.objectContaining({
      name: 'validate_server_config',
      inputSchema: expect.objectContaining({ required: ['url'] }) as object,
    }),
  );
  expect((await operator.get('/agents/nobody/tasks')).status).toBe(404);
});
