import { expect, test } from 'vitest';
import { compose } from '../../../functions/compose/compose.ts';
import { serve } from '../../../functions/http/serve.ts';
import { agentRoutes } from '../../../functions/management/agents.ts';
import { agentNames } from '../../../shared/orchestration/model/agents.ts';
import { testConfig } from '../../support/config.ts';
import { fakeHttpDeps } from '../../support/httpDeps.ts';

const deps = compose(testConfig());

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
