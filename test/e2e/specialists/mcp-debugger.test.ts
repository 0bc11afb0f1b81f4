import { randomBytes } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storageConnection } from '../../../infra/local/settings.ts';
import { delegated, rulesOf, type TaskResult } from '../../support/delegating.ts';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { describeWith, onPath } from '../../support/requirement.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';

let topology: TestTopology;
let admin: Api;
let sessionId: string;
let token: string;
beforeAll(async () => {
  topology = await startTestTopology();
  token = await topology.mint({ role: 'Admin' });
  admin = managementApi(topology.urls.management, token);
  sessionId = String((await admin.post('/sessions', { keepToken: true })).body['id']);
});
afterAll(() => topology.stop());

const ofDebugger = (task: string, input: object = {}) =>
  delegated(admin, { agent: 'mcp-debugger', task, input, sessionId });
const newTrace = () => randomBytes(16).toString('hex');
const traced = (traceId: string) => ({ traceparent: `00-${traceId}-${'1'.repeat(16)}-01` });

/** Records come to the trail a second after the act at the latest. */
const eventually = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 15_000, interval: 300 });

describe('a healthy topology', () => {
  test.each(['management_server_health', 'dual_server_communication_test'])(
    'passes %s without a finding',
    async (task) => {
      expect(await ofDebugger(task)).toMatchObject({ passed: true, findings: [] });
    },
  );

  test('has a round trip over the queues of both apps, which share tables and state', async () => {
    const { facts, findings, summary } = await delegated(admin, {
      taskType: 'dual_server_debugging',
      sessionId,
    });
    expect(findings).toEqual([]);
    expect(summary).toContain('through the queues of both');
    expect(facts).toMatchObject({
      mcp: { withToken: true },
      roundTrip: {
        stateShared: true,
        legs: [
          { step: 'there', app: 'mcp', state: 'succeeded' },
          { step: 'back', app: 'management', state: 'succeeded' },
        ],
      },
    });
  });

  test('is healthy where the management app is looked at, and its stores all answer', async () => {
    expect(await ofDebugger('check_management_endpoints')).toMatchObject({ status: 'healthy', findings: [] });
    expect(await delegated(admin, { taskType: 'database_connection_issues' })).toMatchObject({
      summary: 'All tables and the short-lived state answer.',
      facts: { state: { kind: topology.state.kind } },
    });
  });

  test('says without a session what could not be looked at', async () => {
    const result = await delegated(admin, { taskType: 'dual_server_debugging' });
    expect(rulesOf(result)).toEqual(['token_not_kept:info']);
  });

  test('has a diagnostic report without anything critical', async () => {
    const report = await ofDebugger('generate_diagnostic_report');
    expect(report.findings.filter(({ severity }) => severity === 'critical')).toEqual([]);
    expect(report.facts).toHaveProperty('roundTrip');
    expect(report.facts).toHaveProperty('agents.mcp-debugger');
  });
});

describe('a request that was refused', () => {
  test.each([
    ['wrong_audience', () => topology.signWith({ aud: '0f8fad5b-d9cb-469f-a165-70867728950e' })],
    ['expired', () => topology.signWith({ exp: 1_700_000_000 })],
    ['malformed', () => Promise.resolve('not.a-token')],
  ])('is explained by its trace: %s', async (reason, make) => {
    const traceId = newTrace();
    const refused = await fetch(`${topology.urls.mcp}/mcp`, {
      method: 'POST',
      headers: {
        ...traced(traceId),
        authorization: `Bearer ${await make()}`,
        'content-type': 'application/json',
      },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    await eventually(async () =>
      rulesOf(await delegated(admin, { taskType: 'authentication_failures', input: { traceId } })),
    ).toEqual([`sign_in_${reason}:critical`]);
  });

  test('for a permission is explained with who, which permission and which roles have it', async () => {
    const traceId = newTrace();
    const user = await topology.mint({ role: 'User' });
    const refused = await fetch(`${topology.urls.management}/audit`, {
      headers: { ...traced(traceId), authorization: `Bearer ${user}` },
    });
    expect(refused.status).toBe(403);
    const look = async () => {
      const result = await delegated(admin, { taskType: 'authentication_failures', input: { traceId } });
      return result.findings[0];
    };
    await eventually(look).toMatchObject({
      rule: 'permission_lacking',
      evidence: {
        reason: 'audit.read',
        app: 'management',
        heldTo: 'The permission audit.read is of Gateway.Admin, Gateway.Auditor.',
      },
    });
  });

  test('shows in the span without naming a token', async () => {
    const result = await delegated(admin, { taskType: 'authentication_failures', sessionId });
    expect(result.facts).toMatchObject({ session: { token: 'good' } });
    expect(rulesOf(result)).toContain('sign_in_expired:warning');
    for (const part of token.split('.')) expect(JSON.stringify(result)).not.toContain(part);
  });
});

describe('a trace', () => {
  test('is followed through plan, queues and both apps to where it failed', async () => {
    const traceId = newTrace();
    const begun = await fetch(`${topology.urls.management}/plans?wait=20`, {
      method: 'POST',
      headers: { ...traced(traceId), authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        steps: [
          { id: 'a', agent: 'fastmcp-specialist', task: 'probe' },
          { id: 'b', agent: 'mcp-orchestrator', task: 'probe', dependsOn: ['a'], input: { end: 'fail' } },
        ],
      }),
    });
    expect(begun.status).toBe(202);
    const look = async () => {
      const { timeline, ...result } = await delegated<
        TaskResult & { timeline: { what: string; app?: string }[] }
      >(admin, { taskType: 'middleware_issues', input: { traceId } });
      return { rules: rulesOf(result), facts: result.facts, whats: timeline.map(({ what }) => what) };
    };
    await eventually(async () => (await look()).facts?.['auditRecords']).toBeGreaterThanOrEqual(4);
    const { rules, facts, whats } = await look();
    expect(rules).toEqual(['delegation_failed:critical', 'plan_failed:critical']);
    expect(facts).toMatchObject({ delegations: 2, plans: 1, apps: ['management', 'mcp'] });
    const order = [
      'the plan ad_hoc is made',
      'probe is taken by fastmcp-specialist',
      'probe is taken by mcp-orchestrator',
      'the plan ad_hoc ends',
    ].map((what) => whats.indexOf(what));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).not.toContain(-1);
  });

  test('of a session shows all that was asked for in it; another tenant sees nothing of it', async () => {
    const { facts } = await delegated(admin, { taskType: 'middleware_issues', input: { sessionId } });
    expect(Number(facts?.['delegations'])).toBeGreaterThan(3);
    const { secondTenant } = await import('../../../infra/local/defaults.ts');
    const stranger = managementApi(
      topology.urls.management,
      await topology.mint({ role: 'Admin', tenant: secondTenant }),
    );
    const theirs = await delegated(stranger, { taskType: 'middleware_issues', input: { sessionId } });
    expect(theirs).toMatchObject({ facts: { delegations: 0, plans: 0, auditRecords: 0 } });
    expect(rulesOf(theirs)).toContain('nothing_found:info');
  });
});

test.each(['authentication_failure', 'performance_degradation', 'protocol_violation'])(
  'an event %s is looked into and recorded',
  async (type) => {
    const raised = await admin.post('/events', { type, detail: { subject: 'expired', server: 'nobody' } });
    const { id, delegations } = raised.body as { id: string; delegations: { agent: string; href: string }[] };
    const href = delegations.find(({ agent }) => agent === 'mcp-debugger')?.href ?? '';
    expect((await admin.get(`${href}?wait=20`)).body).toMatchObject({
      state: 'succeeded',
      result: { recorded: true, facts: { trace: { apps: expect.any(Array) as unknown } } },
    });
    await eventually(async () => {
      const { body } = await admin.get(`/audit?actor=mcp-debugger&resource=events/${id}`);
      return (body['items'] as { action: string }[]).map(({ action }) => action);
    }).toContain(`events.${type}`);
  },
);

describe('a fault', () => {
  test('of one table is named with that table, and fails the health of the management app', async () => {
    const table = TableClient.fromConnectionString(storageConnection(topology.ports), 'registryLinks', {
      allowInsecureConnection: true,
    });
    await table.deleteTable();
    const result = await delegated(admin, { taskType: 'database_connection_issues' });
    expect(result.findings).toMatchObject([{ rule: 'missing_table', evidence: { table: 'registryLinks' } }]);
    expect(await ofDebugger('management_server_health')).toMatchObject({
      passed: false,
      error: expect.stringContaining('registryLinks') as string,
    });
    await table.createTable();
    expect(await ofDebugger('management_server_health')).toMatchObject({ passed: true });
  });

  test('of the mcp app is named: it does not answer, and nobody takes its messages', async () => {
    await topology.kill('mcp');
    const result = await delegated(admin, { agent: 'mcp-debugger', task: 'dual_server_communication_test' });
    expect(result).toMatchObject({
      passed: false,
      error: expect.stringContaining('the mcp app cannot be reached') as string,
    });
    expect(rulesOf(result)).toEqual(['mcp_app_unreachable:critical', 'message_not_taken:critical']);
    expect(await delegated(admin, { agent: 'mcp-debugger', task: 'management_server_health' })).toMatchObject(
      {
        passed: true,
      },
    );
    await topology.restart('mcp');
  });
});

describeWith(onPath('redis-server'), 'a fault of Redis', () => {
  test('is named as refused connections', async () => {
    await topology.kill('redis');
    const result = await delegated(admin, { taskType: 'database_connection_issues' });
    expect(result.findings).toMatchObject([
      { rule: 'redis_refused', severity: 'critical', evidence: { code: 'ECONNREFUSED', app: 'management' } },
    ]);
    await topology.restart('redis');
    await eventually(async () =>
      rulesOf(await delegated(admin, { taskType: 'database_connection_issues' })),
    ).toEqual([]);
  });
});
