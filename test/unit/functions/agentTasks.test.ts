import { expect, test } from 'vitest';
import { compose } from '../../../functions/compose.ts';
import { serve } from '../../../functions/http.ts';
import { agentRoutes } from '../../../functions/management/agents.ts';
import { agentNames } from '../../../shared/orchestration/agent/agents.ts';
import { readConfig } from '../../../shared/platform/config.ts';
import { fakeHttpDeps } from '../../support/httpDeps.ts';

const deps = compose(
  readConfig({
    MREG_APP: 'management',
    MREG_TABLES: 'https://nowhere.table.core.windows.net',
    MREG_SERVICE_BUS__fullyQualifiedNamespace: 'nowhere.servicebus.windows.net',
    MREG_API_CLIENT_ID: 'c0ffee00-0000-4000-8000-000000000001',
    MREG_SEALING_KEYS: 'a-sealing-key-of-tests-that-is-long-enough',
    MREG_TENANTS: '11111111-1111-4111-8111-111111111111',
    MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
    MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
  }),
);

test.each(agentNames)('the tasks of %s are shown with the schemas of input and output', async (agent) => {
  const route = agentRoutes(deps).find(({ name }) => name === 'agents-tasks');
  if (!route) throw new Error('no such route');
  const headers = { authorization: 'Bearer Auditor' };
  const request = new Request(`https://gateway.example/agents/${agent}/tasks`, { headers });
  const response = await serve(route, fakeHttpDeps())(request);
  expect(response.status).toBe(200);
  const { items } = (await response.json()) as { items: object[] };
  expect(items.length).toBeGreaterThan(0);
  for (const item of items)
    expect(item).toMatchObject({
      inputSchema: expect.any(Object) as object,
      outputSchema: expect.any(Object) as object,
    });
});
