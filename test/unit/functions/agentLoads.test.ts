import { expect, test } from 'vitest';
import { openManagementRoutes } from '../../support/managementRoutes.ts';
import { testRegistry } from '../../support/registrations.ts';

test('the load of agents is of all tenants for who reads facts of the whole gateway, else of the own tenant', async () => {
  const run = testRegistry();
  const { send } = openManagementRoutes(run);
  const other = 't2';
  const body = {
    agent: 'fastmcp-specialist',
    task: 'validate_server_config',
    input: { url: 'https://a.example' },
  };
  for (const tenantId of ['t1', other, other])
    expect((await send('POST', '/delegations', { body, by: { tenantId } })).status).toBe(202);
  run.advance(2);
  const queued = async (by: object) => {
    const { items } = (await send('GET', '/agents', { by })).body as {
      items: { name: string; load: { queued: number } }[];
    };
    return items.find(({ name }) => name === 'fastmcp-specialist')?.load.queued;
  };
  const { operatorTenant } = run.deps;
  expect(await queued({ tenantId: operatorTenant, roles: ['Admin'] })).toBe(3);
  expect(await queued({ tenantId: operatorTenant, roles: ['Auditor'] })).toBe(1);
  expect(await queued({ tenantId: other, roles: ['Admin'] })).toBe(2);
  expect(await queued({ tenantId: 'nobody', roles: ['Admin'] })).toBe(0);
});
