import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Api, managementApi } from '../../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../../support/topology.ts';

let topology: TestTopology;
let operator: Api;
beforeAll(async () => {
  topology = await startTestTopology({
    settingsOf: {
      mcp: {
        MREG_EVENT_ROUTES: JSON.stringify({ disk_full: ['mcp-debugger'] }),
        MREG_CREDENTIALS: JSON.stringify({ k: { value: 'old-secret', origins: ['https://a.contoso.com'] } }),
        MREG_EVENT_ROUTE: 'a slip of the pen',
      },
      management: {
        MREG_CREDENTIALS: JSON.stringify({ k: { value: 'new-secret', origins: ['https://a.contoso.com'] } }),
      },
    },
  });
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
});
afterAll(() => topology.stop());

test('settings that differ between the apps are named, and so is one that there is not; no value is told', async () => {
  const begun = await operator.post('/delegations?wait=30', { taskType: 'environment_configuration' });
  const { body } = await operator.get(begun.headers.get('location') ?? '');
  const result = body['result'] as {
    findings: { rule: string; severity: string; message: string; evidence: { setting: string } }[];
    facts: { settings: Record<string, object> };
  };
  expect(result.findings.map(({ rule, severity, evidence }) => [rule, severity, evidence.setting])).toEqual([
    ['setting_differs', 'warning', 'MREG_EVENT_ROUTES'],
    ['setting_differs', 'critical', 'MREG_CREDENTIALS'],
    ['setting_unknown', 'warning', 'MREG_EVENT_ROUTE'],
  ]);
  expect(result.facts.settings['MREG_EVENT_ROUTES']).toEqual({
    management: 'absent',
    mcp: 'set',
    equal: 'no',
  });
  expect(result.facts.settings['MREG_TENANTS']).toEqual({ management: 'set', mcp: 'set', equal: 'yes' });
  expect(JSON.stringify(body)).not.toMatch(/secret|disk_full|slip of the pen|contoso/);
});
