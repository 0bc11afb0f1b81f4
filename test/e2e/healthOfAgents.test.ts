import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { healthReportSchema } from '../../shared/health/healthReport.ts';
import { systemReportSchema } from '../../shared/health/systemReport.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

let topology: TestTopology;
let admin: Api;
beforeAll(async () => {
  topology = await startTestTopology({ demo: true });
  // An operator may not read all of a report.
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
});
afterAll(() => topology.stop());

const health = async () => healthReportSchema.parse((await admin.get('/health/components?wait=20')).body);

describe('the agents', () => {
  test('find a healthy topology healthy in every part', async () => {
    const { overallStatus, components } = await health();
    expect(Object.entries(components).filter(([, { status }]) => status !== 'healthy')).toEqual([]);
    expect(overallStatus).toBe('healthy');
  });

  test('report on it, each with a summary, and none has failed', async () => {
    const { body } = await admin.post('/reports?wait=30', {});
    const { status, specialistReports, recommendations } = systemReportSchema.parse(body);
    expect(status).toBe('complete');
    for (const report of Object.values(specialistReports))
      expect(report).toMatchObject({ state: 'succeeded', summary: expect.any(String) as string });
    expect(recommendations.filter(({ severity }) => severity === 'critical')).toEqual([]);
  });

  test('find an issuer that is gone', async () => {
    await topology.kill('issuer');
    const { failedServices } = await health();
    await topology.restart('issuer');
    expect(failedServices).toContain('azure_oauth_health');
  });
});

describeWith(onPath('redis-server'), 'the agents', () => {
  test('find a Redis that is gone', async () => {
    await topology.kill('redis');
    const { failedServices } = await health();
    await topology.restart('redis');
    expect(failedServices).toEqual(expect.arrayContaining(['redis_health', 'state_store']));
  });
});
