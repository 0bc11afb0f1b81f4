import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { type Answer, type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let admin: Api;
let operator: Api;
beforeAll(async () => {
  topology = await useSharedTopology();
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
});
afterAll(() => topology.stop());

const hrefOf = ({ headers }: Answer) => headers.get('location') ?? '';
const probe = (id: string, agent: string, more: object = {}) => ({ id, agent, task: 'probe', ...more });

describe('a plan', () => {
  test('runs over the queues of both apps, hands results on, and shows each step with its times', async () => {
    const begun = await admin.post('/plans?wait=20', {
      steps: [
        probe('look', 'mcp-debugger', { input: { echo: { found: 7 } } }),
        probe('use', 'fastmcp-specialist', {
          dependsOn: ['look'],
          input: { echo: { $resultOf: 'look', at: '/echo/found' } },
        }),
      ],
    });
    expect(begun).toMatchObject({ status: 202, body: { name: 'ad_hoc', state: 'succeeded' } });
    const { body } = await admin.get(hrefOf(begun));
    const time = expect.any(String) as string;
    expect(body).toMatchObject({
      state: 'succeeded',
      steps: [
        { id: 'look', app: 'management', state: 'succeeded', result: { echo: { found: 7 } } },
        { id: 'use', app: 'mcp', result: { echo: 7 }, queuedAt: time, startedAt: time, finishedAt: time },
      ],
    });
  });

  test('that fails undoes what succeeded and says what it undid', async () => {
    const compensation = {
      agent: 'fastmcp-specialist',
      task: 'probe',
      input: { echo: { $planError: true } },
    };
    const begun = await admin.post('/plans?wait=20', {
      steps: [
        probe('one', 'mcp-debugger', { compensation }),
        probe('two', 'mcp-debugger', { dependsOn: ['one'], input: { end: 'fail' } }),
        probe('three', 'mcp-debugger', { dependsOn: ['two'] }),
      ],
    });
    const { body } = await admin.get(hrefOf(begun));
    expect(body).toMatchObject({
      state: 'failed',
      error: { step: 'two', kind: 'unavailable' },
      steps: [
        { state: 'compensated', compensation: { state: 'succeeded' } },
        { state: 'failed' },
        { state: 'skipped' },
      ],
    });
    const [{ compensation: undone }] = body['steps'] as [{ compensation: { delegation: { href: string } } }];
    expect((await admin.get(undone.delegation.href)).body).toMatchObject({
      result: { echo: { step: 'two', message: 'the input of the probe asked for a failure' } },
    });
  });

  test('can be watched: each change is an event, and whoever comes back gets what came since', async () => {
    const begun = await admin.post('/plans', {
      steps: [
        probe('a', 'mcp-debugger', { input: { waitMs: 600 } }),
        probe('b', 'fastmcp-specialist', { dependsOn: ['a'] }),
      ],
    });
    const token = await topology.mint({ role: 'Auditor' });
    const watch = async (headers: Record<string, string>) => {
      const response = await fetch(`${topology.urls.management}${hrefOf(begun)}/events`, {
        headers: { authorization: `Bearer ${token}`, ...headers },
      });
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      const events = (await response.text()).matchAll(/event: plan\nid: (\d+)\ndata: (.*)\n/g);
      return [...events].map(([, id, data]) => ({
        id,
        state: (JSON.parse(data ?? '') as { state: string }).state,
      }));
    };
    const seen = await watch({});
    expect(seen[0]).toEqual({ id: '1', state: 'running' });
    expect(seen.at(-1)).toEqual({ id: '3', state: 'succeeded' });
    expect(await watch({ 'last-event-id': '2' })).toEqual([{ id: '3', state: 'succeeded' }]);
    expect(await watch({ 'last-event-id': '3' })).toEqual([]);
  });

  test('can be cancelled while it runs', async () => {
    const begun = await admin.post('/plans', {
      steps: [
        probe('slow', 'mcp-debugger', { input: { waitMs: 20_000 } }),
        probe('next', 'mcp-debugger', { dependsOn: ['slow'] }),
      ],
    });
    await admin.post(`${hrefOf(begun)}/cancel`, {});
    expect((await admin.get(`${hrefOf(begun)}?wait=10`)).body).toMatchObject({
      state: 'cancelled',
      steps: [{ state: 'failed', error: { kind: 'cancelled' } }, { state: 'skipped' }],
    });
  });

  test('is listed by name and state', async () => {
    const { body } = await admin.get('/plans?name=ad_hoc&state=failed');
    expect(body['items']).toEqual([expect.objectContaining({ name: 'ad_hoc', state: 'failed' })]);
  });

  test('that has a name registers a server with the steps of the description', async () => {
    const input = { slug: 'nobody', url: 'http://127.0.0.1:9/mcp' };
    const begun = await admin.post('/plans?wait=20', { name: 'server_registration_with_auth', input });
    expect(begun.body).toMatchObject({
      state: 'failed',
      steps: [
        { id: 'take_slug', state: 'compensated' },
        { id: 'authenticate_admin', app: 'mcp', agent: 'mcp-security-auditor', state: 'succeeded' },
        { id: 'validate_server_config', app: 'mcp', state: 'failed', dependsOn: ['authenticate_admin'] },
        { id: 'update_registry', app: 'management', agent: 'mcp-orchestrator', state: 'skipped' },
        { id: 'audit_registration', app: 'mcp', state: 'skipped' },
      ],
    });
    expect((await admin.get('/servers/nobody')).body).toMatchObject({ status: 'rejected' });
  });

  test.each([
    [{ name: 'nothing_alike' }, 404, 'there is no plan'],
    [{ steps: [probe('a', 'mcp-debugger', { dependsOn: ['a'] })] }, 400, 'see errors'],
    [{}, 400, 'see errors'],
  ])('%j is refused with %i: %s', async (body, status, words) => {
    expect(await admin.post('/plans', body)).toMatchObject({
      status,
      body: { detail: expect.stringContaining(words) as string },
    });
  });

  test('of steps is for administrators, and so is the registration of a server by a plan', async () => {
    const asks = [
      { steps: [probe('a', 'mcp-debugger')] },
      { name: 'server_registration_with_auth', input: {} },
    ];
    for (const ask of asks) expect((await operator.post('/plans', ask)).status).toBe(403);
  });
});

describe('a quality gate', () => {
  const run = async (gate: string) =>
    (await operator.get(hrefOf(await operator.post(`/quality-gates/${gate}/runs?wait=20`, {})))).body;

  test('passes with the evidence of each check', async () => {
    const evidence = expect.objectContaining({ ranAt: expect.any(String) as string }) as object;
    expect(await run('sound')).toMatchObject({
      gate: 'sound',
      status: 'passed',
      results: {
        first: { passed: true, severity: 'critical', agent: 'mcp-security-auditor', evidence },
        second: {
          passed: false,
          severity: 'warning',
          agent: 'mcp-debugger',
          error: 'the input of the probe asked for a verdict that is not passed',
        },
        third: { passed: true },
      },
    });
  });

  test('fails at a critical check, runs nothing after it, and tells those who watch deployments', async () => {
    const failed = await run('broken');
    expect(failed).toMatchObject({ status: 'failed', failedCheck: 'first' });
    expect(Object.keys(failed['results'] as object)).toEqual(['first']);
    const { body } = await operator.get('/delegations?agent=mcp-deployment-specialist');
    const { items } = body as { items: { task: string; id: string }[] };
    expect(
      items.some(
        ({ task, id }) => task === 'handle_deployment_status' && id.startsWith(String(failed['id'])),
      ),
    ).toBe(true);
  });

  test('keeps its runs, lists the gates, and says which can run', async () => {
    expect((await operator.get('/quality-gates/sound/runs')).body['items']).toEqual([
      expect.objectContaining({ gate: 'sound', status: 'passed' }),
    ]);
    const { items } = (await operator.get('/quality-gates')).body as {
      items: { gate: string; available: boolean }[];
    };
    expect(items.map(({ gate, available }) => [gate, available])).toEqual([
      ['pre_deployment', true],
      ['post_deployment', true],
      ['security_validation', true],
      ['sound', true],
      ['broken', true],
      ['reachable', true],
    ]);
    const other = hrefOf(await operator.post('/quality-gates/sound/runs', {})).replace('sound', 'broken');
    expect((await operator.get(other)).status).toBe(404);
  });
});

describe('an event', () => {
  test.each([
    ['authentication_failure', ['mcp-debugger', 'mcp-security-auditor']],
    ['disk_full', ['mcp-debugger']],
  ])('%s is a delegation for each of its agents, which all take note of it', async (type, agents) => {
    const raised = await operator.post('/events', { type, detail: { where: 'here' } });
    expect(raised.status).toBe(202);
    const { id, delegations } = raised.body as { id: string; delegations: { agent: string; href: string }[] };
    expect(delegations.map(({ agent }) => agent).sort()).toEqual(agents);
    for (const { href } of delegations) {
      expect((await operator.get(`${href}?wait=20`)).body).toMatchObject({ state: 'succeeded' });
    }
    expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  test('of an unknown type is refused with the nearest', async () => {
    expect((await operator.post('/events', { type: 'deployment_state' })).body).toMatchObject({
      status: 404,
      detail: expect.stringContaining('"deployment_status"') as string,
    });
  });

  test('is raised by the system itself when sign-in fails again and again', async () => {
    // The event belongs to the tenant that operates the gateway.
    const token = await topology.mint({ role: 'Admin', tenant: defaultTenant });
    const gatewayAdmin = managementApi(topology.urls.management, token);
    const handled = async () => {
      const query = 'action=events.authentication_failure&actor=mcp-debugger';
      return ((await gatewayAdmin.get(`/audit?${query}`)).body['items'] as unknown[]).length;
    };
    const before = await handled();
    const forger = managementApi(topology.urls.management, 'no.real.token');
    for (let time = 0; time < 12; time++) await forger.get('/servers');
    await expect.poll(handled, { timeout: 10_000 }).toBeGreaterThan(before);
  });
});

test('the agents say what they have to do', async () => {
  const { body } = await operator.get('/agents');
  const { items } = body as { items: { name: string; load: object }[] };
  expect(items).toHaveLength(7);
  const number = expect.any(Number) as number;
  expect(items).toContainEqual(
    expect.objectContaining({
      name: 'mcp-debugger',
      app: 'management',
      status: 'active',
      load: { running: number, queued: number, perMinute: number, failureRate: number },
    }),
  );
  await expect
    .poll(
      async () => {
        const agents = (await operator.get('/agents')).body as {
          items: { name: string; load: { perMinute: number }; lastSeenAt?: string }[];
        };
        return agents.items.find(({ name }) => name === 'mcp-debugger')?.load.perMinute;
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0);
});

test('a request made twice under one Idempotency-Key is carried out once', async () => {
  const token = await topology.mint({ role: 'Operator' });
  const send = async (input: object) => {
    const response = await fetch(`${topology.urls.management}/delegations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: JSON.stringify({ agent: 'mcp-debugger', task: 'probe', input }),
    });
    return { status: response.status, body: (await response.json()) as { id: string } };
  };
  const [first, second] = [await send({ echo: 1 }), await send({ echo: 1 })];
  expect([first.status, second.body.id]).toEqual([202, first.body.id]);
  expect((await send({ echo: 2 })).status).toBe(409);
});

test('another server under the same Idempotency-Key is refused, and does not stay pending', async () => {
  const token = await topology.mint({ role: 'Admin' });
  const send = (method: string, path: string, body?: object) =>
    fetch(topology.urls.management + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'idempotency-key': 'one-server',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  // Nothing listens there: the registration ends all the same.
  const url = 'http://127.0.0.1:9/mcp';
  const first = await send('POST', '/servers?wait=20', { slug: 'keyed-one', url });
  const again = await send('POST', '/servers?wait=20', { slug: 'keyed-one', url });
  const other = await send('POST', '/servers?wait=20', { slug: 'keyed-two', url });
  const removed = await send('DELETE', '/servers/keyed-one');
  expect([first, again, other, removed].map(({ status }) => status)).toEqual([422, 422, 409, 409]);
  const [made, same] = (await Promise.all([first.json(), again.json()])) as { plan: { id: string } }[];
  expect(same?.plan.id).toBe(made?.plan.id);
  expect(await other.json()).toMatchObject({
    kind: 'already_exists',
    errors: [{ path: 'Idempotency-Key', message: 'was used for another request' }],
  });
  expect((await send('GET', '/servers/keyed-two')).status).toBe(404);
});
