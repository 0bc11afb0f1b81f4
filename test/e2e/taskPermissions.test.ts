import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { type Answer, type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

/** Of somebody else: none of it may show to whoever may not read the audit trail. */
const MARK = 'a0d17000-0000-4000-8000-00000000a4a4';

type Role = 'Admin' | 'Operator' | 'Auditor';

let topology: SharedTopology;
let admin: Api;
let operator: Api;
let auditor: Api;
let elsewhere: Api;
const as = async (role: Role, more: { tenant?: string; user?: string } = {}) =>
  managementApi(topology.urls.management, await topology.mint({ role, ...more }));

beforeAll(async () => {
  topology = await useSharedTopology({ as: 'operator' });
  admin = await as('Admin');
  operator = await as('Operator');
  auditor = await as('Auditor');
  elsewhere = await as('Admin', { tenant: topology.otherTenant });
  // A refusal, which the audit trail has under the name of the user who was refused.
  const refused = await as('Auditor', { user: MARK });
  expect((await refused.post('/servers', {})).status).toBe(403);
  await vi.waitFor(
    async () => {
      expect(JSON.stringify((await admin.get('/audit')).body)).toContain(MARK);
    },
    { timeout: 15_000 },
  );
});
afterAll(() => topology.stop());

const forbidden = (permission: string) => ({
  status: 403,
  body: { kind: 'forbidden', detail: expect.stringContaining(permission) as string },
});
const idOf = ({ body }: Answer): string => String(body['id']);

describe('an Operator cannot get what the audit trail holds', () => {
  test.each([
    { taskType: 'audit_trail_analysis' },
    { taskType: 'authentication_failures' },
    { taskType: 'middleware_issues' },
    { agent: 'mcp-security-auditor', task: 'generate_security_report' },
    { agent: 'mcp-security-auditor', task: 'audit_trail_completeness' },
    { task: 'audit_logging_verification' },
    { agent: 'mcp-debugger', task: 'handle_authentication_failure', input: event('authentication_failure') },
  ])('by asking for %o', async (work) => {
    expect(await operator.post('/delegations', work)).toMatchObject(forbidden('audit.read'));
  });

  test("by reading another's delegation: alone, in a list or by cancelling it", async () => {
    const made = await admin.post('/delegations?wait=30', { taskType: 'authentication_failures' });
    const path = `/delegations/${idOf(made)}`;
    expect(JSON.stringify((await admin.get(path)).body)).toContain(MARK);
    expect(JSON.stringify((await auditor.get(path)).body)).toContain(MARK);
    const seen = await operator.get(path);
    expect(seen).toMatchObject({
      status: 200,
      body: { state: 'succeeded', withheld: { permissions: ['audit.read'] } },
    });
    expect(seen.body).not.toHaveProperty('result');
    for (const answer of [
      seen,
      await operator.get('/delegations?limit=100'),
      await operator.post(`${path}/cancel`, {}),
    ])
      expect(JSON.stringify(answer.body)).not.toContain(MARK);
  });

  test("by reading another's plan, or its changes as they happen", async () => {
    const step = { id: 'look', agent: 'mcp-debugger', task: 'authentication_failures' };
    const made = await admin.post('/plans?wait=30', { steps: [step] });
    const path = `/plans/${idOf(made)}`;
    expect(JSON.stringify((await admin.get(path)).body)).toContain(MARK);
    const seen = await operator.get(path);
    expect(seen).toMatchObject({
      status: 200,
      body: { steps: [{ id: 'look', state: 'succeeded', withheld: { permissions: ['audit.read'] } }] },
    });
    expect(JSON.stringify(seen.body)).not.toContain(MARK);
    const authorization = `Bearer ${await topology.mint({ role: 'Operator' })}`;
    const changes = await fetch(`${topology.urls.management}${path}/events`, { headers: { authorization } });
    const text = await changes.text();
    expect(text).toContain('withheld');
    expect(text).not.toContain(MARK);
  });

  test('by a gate, which runs all the same and gives its verdict', { timeout: 90_000 }, async () => {
    const begun = await operator.post('/quality-gates/security_validation/runs?wait=30', {});
    const path = `${begun.headers.get('location') ?? ''}?wait=30`;
    const check = { passed: true, severity: 'critical' };
    const seen = await operator.get(path);
    expect(seen.body).toMatchObject({
      status: 'passed',
      results: {
        role_based_access_test: { ...check, evidence: expect.any(Object) as object },
        audit_trail_completeness: { ...check, withheld: { permissions: ['audit.read'] } },
      },
    });
    const results = seen.body['results'] as Record<string, object>;
    expect(results['audit_trail_completeness']).not.toHaveProperty('evidence');
    expect((await auditor.get(path)).body).toMatchObject({
      results: {
        audit_trail_completeness: { ...check, evidence: { compared: expect.any(Number) as number } },
      },
    });
  });

  test('by raising an event', async () => {
    const raised = await operator.post('/events', { type: 'authentication_failure' });
    const delegations = raised.body['delegations'] as { href: string }[];
    expect(delegations).toHaveLength(2);
    for (const { href } of delegations) {
      await admin.get(`${href}?wait=30`);
      const seen = await operator.get(href);
      expect(seen.body).toMatchObject({ state: 'succeeded', withheld: { permissions: ['audit.read'] } });
      expect(JSON.stringify(seen.body)).not.toContain(MARK);
    }
  });

  test('by a report, of which they read the other parts', { timeout: 150_000 }, async () => {
    const begun = await operator.post('/reports?wait=30', {});
    const path = `/reports/${idOf(begun)}`;
    await expect
      .poll(async () => (await operator.get(`${path}?wait=30`)).body['status'], { timeout: 120_000 })
      .toBe('complete');
    const seen = await operator.get(path);
    expect(seen.body).toMatchObject({
      specialistReports: {
        security_status: { state: 'succeeded', withheld: { permissions: ['audit.read'] } },
        performance_metrics: { state: 'succeeded', facts: expect.any(Object) as object },
        system_health: { state: 'succeeded', facts: expect.any(Object) as object },
        deployment_status: { state: 'succeeded', facts: expect.any(Object) as object },
        protocol_compliance: { state: 'succeeded', facts: expect.any(Object) as object },
      },
    });
    expect(JSON.stringify(seen.body)).not.toContain(MARK);
    expect(JSON.stringify((await operator.get(`/plans/${idOf(begun)}`)).body)).not.toContain(MARK);
    expect((await auditor.get(path)).body).toMatchObject({
      specialistReports: {
        security_status: { facts: expect.any(Object) as object },
        deployment_status: { withheld: { permissions: ['system.read'] } },
      },
    });
  });

  test("by the gateway's own tools", { timeout: 60_000 }, async () => {
    const client = new Client(
      { name: 'e2e', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    const headers = { authorization: `Bearer ${await topology.mint({ role: 'Operator' })}` };
    const url = new URL('/mcp', topology.urls.mcp);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    const call = async (name: string, args: Record<string, unknown>) =>
      client.callTool({ name: `gateway__${name}`, arguments: args });
    const refused = await call('delegate_task', { taskType: 'audit_trail_analysis' });
    expect(refused).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('audit.read') as string }],
    });
    const made = await admin.post('/delegations?wait=30', { taskType: 'authentication_failures' });
    const seen = await call('get_delegation', { id: idOf(made) });
    expect(seen['structuredContent']).toMatchObject({ withheld: { permissions: ['audit.read'] } });
    expect(JSON.stringify(seen)).not.toContain(MARK);
    const gate = await call('run_quality_gate', { gate: 'security_validation' });
    expect(gate['structuredContent']).toMatchObject({
      status: 'passed',
      results: { audit_trail_completeness: { passed: true, withheld: { permissions: ['audit.read'] } } },
    });
    const report = await call('get_report', { new: true, waitSeconds: 30 });
    expect(report['structuredContent']).toMatchObject({
      specialistReports: { security_status: { withheld: { permissions: ['audit.read'] } } },
    });
    expect(JSON.stringify([gate, report])).not.toContain(MARK);
    await expect(call('search_audit', {})).rejects.toThrow(/There is no tool/);
    await client.close();
  });
});

describe('what the whole system is made of is for the tenant that operates it', () => {
  test.each([
    { taskType: 'docker_orchestration' },
    { taskType: 'environment_configuration' },
    { taskType: 'redis_caching_strategy' },
    { taskType: 'database_connection_issues' },
    { taskType: 'production_deployment' },
    { agent: 'mcp-security-auditor', task: 'validate_azure_connectivity' },
    { agent: 'mcp-performance-optimizer', task: 'check_database_performance' },
  ])('an Admin of another tenant may not ask for %o', async (work) => {
    expect(await elsewhere.post('/delegations', work)).toMatchObject(forbidden('system.read'));
    const step = { id: 'look', agent: 'mcp-deployment-specialist', task: 'docker_orchestration' };
    expect(await elsewhere.post('/plans', { steps: [step] })).toMatchObject(forbidden('system.read'));
  });

  test('an Admin of another tenant reads the statuses of the health and not what was looked at', async () => {
    const { body } = await elsewhere.get('/health/components');
    const components = body['components'] as Record<string, object>;
    expect(components).toMatchObject({
      database_health: { status: 'healthy', withheld: { permissions: ['system.read'] } },
      management_server_health: { status: 'healthy', evidence: expect.any(Object) as object },
      azure_oauth_health: { status: 'healthy', withheld: { permissions: ['system.read'] } },
    });
    expect(components['database_health']).not.toHaveProperty('evidence');
    expect(JSON.stringify(body)).not.toContain(defaultTenant);
    expect((await operator.get('/health/components')).body).toMatchObject({
      components: { database_health: { evidence: expect.any(Object) as object } },
    });
  });

  test('a gate of another tenant gives its verdicts without them', { timeout: 60_000 }, async () => {
    const begun = await elsewhere.post('/quality-gates/pre_deployment/runs?wait=30', {});
    const { body } = await elsewhere.get(`${begun.headers.get('location') ?? ''}?wait=30`);
    expect(body).toMatchObject({
      status: 'passed',
      results: { azure_oauth_validation: { passed: true, withheld: { permissions: ['system.read'] } } },
    });
    expect(JSON.stringify(body)).not.toContain(defaultTenant);
  });
});

function event(type: string) {
  return { eventId: 'e', type, detail: {}, raisedBy: 'u', raisedAt: new Date(0).toISOString() };
}
