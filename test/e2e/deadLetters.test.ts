import { ServiceBusClient } from '@azure/service-bus';
import { connectionStringFor } from '@mcp-registry-gateway/service-bus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

let topology: TestTopology;
let operator: Api;
let stranger: Api;
let client: ServiceBusClient;
beforeAll(async () => {
  topology = await startTestTopology({ demo: true });
  operator = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  const token = await topology.mint({ role: 'Operator', tenant: secondTenant });
  stranger = managementApi(topology.urls.management, token);
  client = new ServiceBusClient(connectionStringFor(topology.ports.serviceBus));
});
afterAll(async () => {
  await client.close();
  await topology.stop();
});

const path = '/agents/mcp-debugger/dead-letters';
interface Item {
  readonly id: string;
  readonly delegation?: { readonly id: string; readonly href: string; readonly state: string };
}
const items = async (api: Api) => (await api.get(path)).body['items'] as Item[];

/** Puts a message on the queue of mcp-debugger that it will not take, and waits for its dead letter. */
async function spoil(body: unknown, api: Api): Promise<Item> {
  const before = (await items(api)).map(({ id }) => id);
  await client.createSender('mcp-debugger').sendMessages({ body });
  const isNew = ({ id }: Item) => !before.includes(id);
  await expect.poll(async () => (await items(api)).some(isNew), { timeout: 20_000 }).toBe(true);
  const found = (await items(api)).find(isNew);
  if (!found) throw new Error('it has gone again');
  return found;
}

test('garbage is dead-lettered, shows to the operator’s tenant alone, and can be tried again', async () => {
  const item = await spoil(Buffer.from('not {json'), operator);
  expect(item).toMatchObject({
    sequenceNumber: item.id,
    reason: 'MaxDeliveryCountExceeded',
    description: expect.any(String) as string,
    enqueuedAt: expect.stringMatching(/^20.*Z$/) as string,
    deliveryCount: 5,
    size: 9,
  });
  expect(JSON.stringify(item)).not.toContain('json');
  expect(await items(stranger)).toEqual([]);
  expect((await stranger.post(`${path}/${item.id}/requeue`, {})).status).toBe(404);

  expect(await operator.post(`${path}/${item.id}/requeue`, {})).toMatchObject({
    status: 200,
    body: { done: 'resent' },
  });
  // It is garbage still.
  await expect.poll(async () => (await items(operator)).length, { timeout: 20_000 }).toBe(1);
  expect((await items(operator))[0]?.id).not.toBe(item.id);
});

test('a dead letter of a delegation shows to its tenant; requeued it is done, and then it has nothing more to say', async () => {
  await topology.kill('mcp');
  const work = { agent: 'fastmcp-specialist', task: 'validate_server_config' };
  const created = await stranger.post('/delegations', { ...work, input: { url: topology.urls.toolbox } });
  const { id, href } = created.body as { id: string; href: string };
  // On the queue of another agent nobody takes it.
  const misdirected = {
    schemaVersion: 1,
    delegationId: id,
    attempt: 1,
    requestingAgent: 'mcp-orchestrator',
    targetAgent: 'fastmcp-specialist',
    taskType: 'validate_server_config',
    tenantId: secondTenant,
    traceparent: '',
    deadline: new Date().toISOString(),
  };
  const first = await spoil(misdirected, stranger);
  expect(first.delegation).toEqual({ id, href, state: 'queued' });
  expect((await items(operator)).map((item) => item.delegation)).not.toContainEqual(
    expect.objectContaining({ id }),
  );

  expect((await stranger.post(`${path}/${first.id}/requeue`, {})).body).toEqual({
    done: 'requeued',
    delegation: { id, href, state: 'queued' },
  });
  expect(await items(stranger)).toEqual([]);
  expect((await stranger.post(`${path}/${first.id}/requeue`, {})).status).toBe(404);
  await topology.restart('mcp');
  expect((await stranger.get(`${href}?wait=20`)).body).toMatchObject({ state: 'succeeded' });

  const second = await spoil(misdirected, stranger);
  expect((await stranger.post(`${path}/${second.id}/requeue`, {})).body).toMatchObject({
    done: 'removed',
    because: 'ended',
    delegation: { id, state: 'succeeded' },
  });
  expect(await items(stranger)).toEqual([]);
});

test('who may not, what is not there and what is no page are refused', async () => {
  const auditor = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  expect((await auditor.get(path)).status).toBe(200);
  expect((await auditor.post(`${path}/1/requeue`, {})).status).toBe(403);
  expect((await operator.get('/agents/nobody/dead-letters')).status).toBe(404);
  expect((await operator.post('/agents/nobody/dead-letters/1/requeue', {})).status).toBe(404);
  expect((await operator.post(`${path}/4711/requeue`, {})).status).toBe(404);
  for (const query of ['limit=101', 'limit=0', 'cursor=x', 'cursor=-1']) {
    expect((await operator.get(`${path}?${query}`)).status).toBe(400);
  }
});

test('a requeue is in the audit trail', async () => {
  const auditor = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  const { body } = await auditor.get('/audit?action=dead-letters.requeue');
  expect(body['items']).toContainEqual(
    expect.objectContaining({ resource: `agents/mcp-debugger/dead-letters/4711`, outcome: 'begun' }),
  );
});
