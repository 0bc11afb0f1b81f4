import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { connectionStringFor } from '../../infra/service-bus/src/connectionString.ts';
import { QUEUE_SHARE } from '../../shared/orchestration/engine/createDispatcher.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const FLOOD = 400;
/** What each of the two apps may send without a look comes on top of the share. */
const AT_MOST = QUEUE_SHARE + 2 * 32;

interface Work {
  readonly delegationId: string;
  readonly tenantId: string;
  readonly attempt: number;
}

let topology: TestTopology;
let busy: Api;
let quiet: Api;
let client: ServiceBusClient;
beforeAll(async () => {
  // The test is the agent, so that it sees every message in the order of the queue.
  topology = await startTestTopology({ settings: { MREG_EXTERNAL_AGENTS: 'mcp-debugger' } });
  busy = managementApi(topology.urls.management, await topology.mint({ role: 'Operator' }));
  const tenant = secondTenant;
  quiet = managementApi(topology.urls.management, await topology.mint({ role: 'Operator', tenant }));
  client = new ServiceBusClient(connectionStringFor(topology.ports.serviceBus));
});
afterAll(async () => {
  await client.close();
  await topology.stop();
});

test('the first delegation of a tenant waits for a share of what another tenant has asked for, and all are done', async () => {
  const work = { agent: 'mcp-debugger', task: 'explain', input: {} };
  for (let sent = 0; sent < FLOOD; sent += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => busy.post('/delegations', work)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(50).fill(202));
  }
  const mine = await quiet.post('/delegations', work);
  expect(mine.status).toBe(202);

  const reports = client.createSender('agent-reports');
  const seen = new Map<string, string>();
  client.createReceiver('mcp-debugger').subscribe(
    {
      async processMessage({ body }) {
        const { delegationId, tenantId, attempt } = body as Work;
        seen.set(delegationId, tenantId);
        const report = { kind: 'ended', outcome: { success: true, result: {} } };
        await reports.sendMessages({ body: { schemaVersion: 1, delegationId, tenantId, attempt, report } });
      },
      processError: ({ error }) => Promise.reject(error),
    },
    { maxConcurrentCalls: 16 },
  );
  await expect.poll(() => seen.size, { timeout: 60_000 }).toBe(FLOOD + 1);
  expect([...seen.values()].indexOf(secondTenant)).toBeLessThanOrEqual(AT_MOST);
  expect((await quiet.get(`${String(mine.body['href'])}?wait=20`)).body).toMatchObject({
    state: 'succeeded',
  });
  await expect
    .poll(async () => (await busy.get('/delegations?state=queued&limit=1')).body, { timeout: 20_000 })
    .toEqual({ items: [] });
}, 180_000);
