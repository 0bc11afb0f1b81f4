import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let admin: Api;
const user = randomUUID();
let token: string;

beforeAll(async () => {
  topology = await useSharedTopology();
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  token = await topology.mint({ roles: ['Operator'], user });
});
afterAll(() => topology.stop());

async function callMcp(bearer = token): Promise<Response> {
  return fetch(`${topology.urls.mcp}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    }),
  });
}

/** Asks both apps until both answer with this status, and returns how long that took in ms. */
async function untilBothAnswer(status: number): Promise<number> {
  const own = managementApi(topology.urls.management, token);
  const begunAt = performance.now();
  for (;;) {
    const answers = [(await own.get('/agents')).status, (await callMcp()).status];
    const tookMs = performance.now() - begunAt;
    if (answers.every((answer) => answer === status)) return tookMs;
    if (tookMs > 20_000) throw new Error(`the apps answered ${answers.join(' and ')} to the end`);
    await sleep(20);
  }
}

test('a revocation ends what both apps let a user do within two seconds, and lifting it gives it back', async () => {
  await untilBothAnswer(200);
  const own = managementApi(topology.urls.management, token);
  const session = (await own.post('/sessions', {})).headers.get('location') ?? '';
  expect((await admin.get(session)).status).toBe(200);

  const created = await admin.post('/revocations', { user, reason: 'test' });
  expect(created.status).toBe(201);
  expect(await untilBothAnswer(401)).toBeLessThan(2_000);
  const refused = await callMcp();
  expect(refused.headers.get('www-authenticate')).toContain('revoked this access');
  expect((await admin.get(session)).status).toBe(404);
  // A new token of the same user is no way round it, and nobody else is concerned.
  expect((await callMcp(await topology.mint({ roles: ['Operator'], user }))).status).toBe(401);
  expect((await callMcp(await topology.mint({ roles: ['Operator'] }))).status).toBe(200);
  expect(
    (await callMcp(await topology.mint({ roles: ['Operator'], user, tenant: topology.otherTenant }))).status,
  ).toBe(200);

  const { href } = created.body as { href: string };
  expect((await admin.delete(href)).status).toBe(204);
  expect(await untilBothAnswer(200)).toBeLessThan(2_000);
  expect((await admin.get(session)).status).toBe(404);
});

test('the acts and the refusals are in the audit trail', async () => {
  await expect
    .poll(
      async () => {
        const { body } = await admin.get('/audit?limit=100');
        const items = body['items'] as { action: string; resource: string; actor: string; outcome: string }[];
        return items.map(({ action, resource, outcome }) => `${action} ${resource} ${outcome}`);
      },
      { timeout: 20_000 },
    )
    .toEqual(
      expect.arrayContaining([
        `revocations.create users/${user} succeeded`,
        expect.stringMatching(/^revocations\.lift revocations\/[0-9a-f]{32} succeeded$/),
        'sign_in revoked unauthenticated',
      ]),
    );
});
