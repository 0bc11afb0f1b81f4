import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { healthReportSchema } from '../../shared/health/healthReport.ts';
import { systemReportSchema } from '../../shared/health/systemReport.ts';
import type { Outcome } from '../../shared/orchestration/model/delegation.ts';
import { type Answer, type Api, managementApi } from '../support/managementApi.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { type StandInAgents, standInAgents } from '../support/standInAgents.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

/** All that look at parts of the system or report: here by workers that find what the test says. */
const agents = [
  'mcp-performance-optimizer',
  'mcp-debugger',
  'fastmcp-specialist',
  'mcp-security-auditor',
  'mcp-deployment-specialist',
  'mcp-protocol-expert',
];
const seen = [
  'database_health',
  'redis_health',
  'management_server_health',
  'mcp_server_health',
  'azure_oauth_health',
];

let topology: TestTopology;
let workers: StandInAgents;
let admin: Api;
let operator: Api;
let auditor: Api;
let mcp: Client;
/** What comes of a task, where it is not that all is well. */
let found: Record<string, Outcome | undefined> = {};

const isWell: Outcome = {
  success: true,
  result: { status: 'healthy', evidence: { looked: true }, summary: 'All is well.', facts: {}, findings: [] },
};
const finding = (rule: string, severity: string) => ({
  rule,
  severity,
  message: `${rule} was found`,
  evidence: {},
  remedy: `mend ${rule}`,
});

beforeAll(async () => {
  topology = await startTestTopology({ settings: { MREG_EXTERNAL_AGENTS: agents.join() } });
  workers = standInAgents(topology.ports.serviceBus, agents, (task) =>
    task in found ? found[task] : isWell,
  );
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  auditor = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  mcp = new Client({ name: 'e2e', version: '1' });
  const authorization = `Bearer ${await topology.mint({ role: 'Operator' })}`;
  await mcp.connect(
    new StreamableHTTPClientTransport(new URL('/servers/gateway/mcp', topology.urls.mcp), {
      requestInit: { headers: { authorization } },
    }),
  );
});
afterAll(async () => {
  await mcp.close();
  await workers.close();
  await topology.stop();
});
beforeEach(() => {
  found = {};
});

const health = async (query = '?wait=20') => {
  const { status, body } = await operator.get(`/health/components${query}`);
  expect(status).toBe(200);
  return healthReportSchema.parse(body);
};

describe('GET /health/components', () => {
  test('has each part that an agent looked at, and what the app sees for itself', async () => {
    const report = await health();
    expect(report).toMatchObject({ overallStatus: 'healthy', degradedServices: [], failedServices: [] });
    expect(Object.keys(report.components).sort()).toEqual([...seen, 'state_store', 'tables'].sort());
    expect(report.components['redis_health']).toMatchObject({
      status: 'healthy',
      agent: 'mcp-performance-optimizer',
      evidence: { looked: true },
    });
  });

  test('is the same for whoever asks soon after, in the other app too', async () => {
    const report = await health();
    expect(await health('')).toEqual(report);
    expect((await mcp.callTool({ name: 'get_health' })).structuredContent).toEqual(report);
  });

  test('has the statuses alone for those who may not know what the system is made of', async () => {
    const report = await health();
    const { body } = await auditor.get('/health/components');
    const shown = healthReportSchema.parse(body);
    expect({ ...shown, components: {} }).toEqual({ ...report, components: {} });
    expect(shown.components['redis_health']).toEqual({
      status: 'healthy',
      agent: 'mcp-performance-optimizer',
      task: 'check_redis_connectivity',
      durationMs: report.components['redis_health']?.durationMs,
      withheld: { permissions: ['system.read'] },
    });
  });

  test('names the parts that are not well', async () => {
    found['check_redis_connectivity'] = {
      success: true,
      result: { status: 'degraded', evidence: {}, findings: [finding('low_hit_ratio', 'warning')] },
    };
    expect(await health()).toMatchObject({ overallStatus: 'degraded', degradedServices: ['redis_health'] });
    found['check_management_endpoints'] = {
      success: false,
      error: { kind: 'unavailable', message: 'the mcp app does not answer' },
    };
    expect(await health()).toMatchObject({
      overallStatus: 'unhealthy',
      failedServices: ['management_server_health'],
      components: { management_server_health: { error: { message: 'the mcp app does not answer' } } },
    });
  });

  test('says of an agent that does not answer that it did not', async () => {
    found['check_redis_connectivity'] = undefined;
    const { failedServices, components } = await health();
    expect(failedServices).toEqual(['redis_health']);
    expect(components['redis_health']?.error?.kind).toBe('timeout');
  });

  test('is for those who may know, and a wait that is none is refused', async () => {
    const user = managementApi(topology.urls.management, await topology.mint({ role: 'User' }));
    expect((await user.get('/health/components')).status).toBe(403);
    expect((await auditor.get('/health/components?wait=0')).status).toBe(400);
    expect((await auditor.get('/health/components?wait=soon')).status).toBe(400);
  });
});

describe('a report of the system', () => {
  const hrefOf = ({ headers }: Answer) => headers.get('location') ?? '';

  test('is what all specialists report, with what to do first on top', async () => {
    found['generate_security_report'] = {
      success: true,
      result: { summary: 'Open.', facts: { roles: 4 }, findings: [finding('open_door', 'critical')] },
    };
    found['generate_performance_report'] = {
      success: true,
      result: { summary: 'Slow.', facts: {}, findings: [finding('slow_table', 'warning')] },
    };
    const begun = await operator.post('/reports?wait=20', {});
    expect(begun).toMatchObject({ status: 202, body: { status: 'complete' } });
    const { status, body } = await admin.get(hrefOf(begun));
    expect([status, systemReportSchema.parse(body)]).toEqual([200, body]);
    expect(body).toMatchObject({
      overallSystemHealth: 'unhealthy',
      orchestratorVersion: expect.any(String) as string,
      specialistReports: {
        security_status: { agent: 'mcp-security-auditor', summary: 'Open.', facts: { roles: 4 } },
        performance_metrics: { summary: 'Slow.' },
        system_health: { summary: 'All is well.' },
        deployment_status: {},
        protocol_compliance: {},
      },
      recommendations: [{ remedy: 'mend open_door' }, { remedy: 'mend slow_table' }],
    });
  });

  test('is begun at once, kept, and listed with the newest first', async () => {
    const first = await operator.post('/reports?wait=20', {});
    const second = await operator.post('/reports', {});
    expect(second).toMatchObject({ status: 202, body: { status: 'running' } });
    expect((await auditor.get(`${hrefOf(second)}?wait=20`)).body).toMatchObject({ status: 'complete' });
    const { items } = (await auditor.get('/reports?limit=2')).body as { items: { href: string }[] };
    expect(items.map(({ href }) => href)).toEqual([hrefOf(second), hrefOf(first)]);
  });

  test('is begun and read by MCP too', async () => {
    const made = await mcp.callTool({ name: 'get_report', arguments: { new: true } });
    expect(made.structuredContent).toMatchObject({ status: 'complete', overallSystemHealth: 'healthy' });
    const latest = await mcp.callTool({ name: 'get_report' });
    const { href: _, ...report } = made.structuredContent as Record<string, unknown>;
    expect(latest.structuredContent).toEqual(report);
  });

  test('is begun by those who may delegate, read by those who may know, and is nothing to others', async () => {
    expect((await auditor.post('/reports', {})).status).toBe(403);
    const [{ href }] = (await auditor.get('/reports')).body['items'] as [{ href: string }];
    const elsewhere = await topology.mint({ role: 'Admin', tenant: secondTenant });
    const stranger = managementApi(topology.urls.management, elsewhere);
    expect((await stranger.get(href)).status).toBe(404);
    expect((await stranger.get('/reports')).body['items']).toEqual([]);
    const plans = (await auditor.get('/plans?name=comprehensive_health_check')).body;
    const [other] = plans['items'] as { id: string }[];
    expect((await auditor.get(`/reports/${other?.id ?? ''}`)).status).toBe(404);
    const user = managementApi(topology.urls.management, await topology.mint({ role: 'User' }));
    expect((await user.get('/reports')).status).toBe(403);
  });

  test('is in the audit trail', async () => {
    await expect
      .poll(async () => (await admin.get('/audit?action=reports.create')).body['items'])
      .toContainEqual(expect.objectContaining({ resource: 'reports', outcome: 'succeeded' }));
  });
});

describeWith(onPath('redis-server'), 'health is told', () => {
  test('while the state is away', async () => {
    await topology.kill('redis');
    const report = await health('');
    await topology.restart('redis');
    expect(report).toMatchObject({ overallStatus: 'unhealthy', failedServices: ['state_store'] });
  });
});

describe('health is told', () => {
  test('while the queues are away: no agent answers, whatever a check that was under way has found', async () => {
    const underWay = health();
    await topology.kill('serviceBus');
    const [report] = await Promise.all([health(), underWay]);
    await topology.restart('serviceBus');
    expect(report.failedServices.sort()).toEqual([...seen].sort());
    expect(report.components).toMatchObject({
      tables: { status: 'healthy' },
      state_store: { status: 'healthy' },
    });
  });

  test('while storage is away: the agents cannot be asked', async () => {
    await topology.kill('azurite');
    const report = await health();
    await topology.restart('azurite');
    expect(report.failedServices).toEqual(expect.arrayContaining([...seen, 'tables']));
  });
});
