import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { healthReportSchema } from '../../shared/health/healthReport.ts';
import { systemReportSchema } from '../../shared/health/systemReport.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';
import { startUpstreamServer, type UpstreamServer } from '../support/upstreamServer.ts';

let topology: TestTopology;
let admin: Api;
let token: string;
const lines: string[] = [];

beforeAll(async () => {
  topology = await startTestTopology({ demo: true, onLine: (_name, _stream, line) => void lines.push(line) });
  token = await topology.mint({ role: 'Admin' });
  admin = managementApi(topology.urls.management, token);
});
afterAll(() => topology.stop());

const records = async (query: string) => recordsSchema.parse((await admin.get(`/audit?${query}`)).body).items;
const registration =
  /\/(take_slug|update_registry|audit_registration|authenticate_admin|validate_server_config)$/;
const recordsSchema = z.object({
  items: z.array(z.object({ actor: z.string(), resource: z.string(), ownCheck: z.boolean().optional() })),
});

describe('a fresh demo', () => {
  test('is healthy, and its own checks are marked and are no warnings', async () => {
    const { body } = await admin.get('/health/components?wait=20');
    const report = healthReportSchema.parse(body);
    expect(report).toMatchObject({
      overallStatus: 'healthy',
      servers: { status: 'healthy', counts: { healthy: 2 }, affected: [] },
    });
    await expect.poll(() => records('action=sign_in')).not.toEqual([]);
    const checks = [await records('action=sign_in'), await records('action=delegations.run')].flat();
    const unmarked = checks.filter(({ ownCheck }) => ownCheck !== true);
    // The registration of the servers of the demo is no check.
    expect(unmarked.filter(({ resource }) => !registration.test(resource))).toEqual([]);
    const refusals = lines.filter((line) => line.includes('sign_in_refused'));
    expect(refusals).not.toEqual([]);
    expect(refusals.filter((line) => !line.includes('"level":"info"'))).toEqual([]);
  });

  test('has a report without a warning', async () => {
    const { body } = await admin.post('/reports?wait=30', {});
    const report = systemReportSchema.parse(body);
    expect(report).toMatchObject({
      status: 'complete',
      overallSystemHealth: 'healthy',
      servers: { status: 'healthy', affected: [] },
    });
    expect(report.recommendations.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  test('is asked with malformed messages only if the report is thorough', async () => {
    const { status } = await admin.post('/reports', { probe: 'rough' });
    expect(status).toBe(400);
    const { body } = await admin.post('/reports?wait=30', { probe: 'thorough' });
    // An SDK of the demo answers some malformed messages with another code than the specification names.
    expect(systemReportSchema.parse(body)).toMatchObject({
      overallSystemHealth: 'healthy',
      servers: { status: 'degraded', affected: ['inventory', 'toolbox'] },
    });
  });
});

describe('a server that dies', () => {
  const echo = { listed: { name: 'echo', inputSchema: { type: 'object' } }, result: { content: [] } };
  const healthOf = async () => (await admin.get('/servers/mortal')).body['health'];
  let upstream: UpstreamServer;

  const call = () =>
    fetch(new URL('/servers/mortal/mcp', topology.urls.mcp), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } }),
    }).then((response) => response.text());

  beforeAll(async () => {
    upstream = await startUpstreamServer([echo]);
    const { body } = await admin.post('/servers?wait=20', { slug: 'mortal', url: upstream.url });
    expect(body).toMatchObject({ status: 'active' });
  });

  test('reads as healthy only until it is called or refreshed', async () => {
    expect(await healthOf()).toMatchObject({ status: 'healthy' });
    await upstream.close();
    await call();
    await expect.poll(healthOf).toMatchObject({ status: 'degraded' });
    await admin.post('/servers/mortal/refresh?wait=20', {});
    await expect.poll(healthOf, { timeout: 5_000 }).toMatchObject({
      status: 'failed',
      checkedAt: expect.any(String) as string,
      reason: expect.stringContaining('The server') as string,
    });
  });

  test('does not make the gateway unhealthy, and is named apart', async () => {
    const { body } = await admin.get('/health/components?wait=20');
    expect(healthReportSchema.parse(body)).toMatchObject({
      overallStatus: 'healthy',
      servers: { status: 'failed', affected: [{ slug: 'mortal', status: 'failed' }] },
    });
  });
});
