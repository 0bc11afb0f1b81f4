import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let operator: Api;
const as = async (mint: Parameters<SharedTopology['mint']>[0]) =>
  managementApi(topology.urls.management, await topology.mint(mint));
beforeAll(async () => {
  topology = await useSharedTopology();
  operator = await as({ role: 'Operator' });
});
afterAll(() => topology.stop());

const allocations = '/resource-pools/allocations';
const bulk = (serverCount: number, adminCount = 1) => ({
  operation: 'bulk_server_registration',
  estimatedLoad: { serverCount, adminCount },
});
const inUse = async () => {
  const { body } = await operator.get('/resource-pools');
  return (body['items'] as { inUse: number }[]).map(({ inUse }) => inUse);
};

test('the list of pools has limits and current use', async () => {
  expect(await operator.get('/resource-pools')).toMatchObject({
    status: 200,
    body: {
      items: [
        {
          name: 'database_connections',
          limits: { maxPoolSize: 20, reservedForManagement: 8, reservedForMcp: 8, sharedPool: 4 },
          inUse: 0,
        },
        {
          name: 'redis_connections',
          limits: { maxPoolSize: 10, sessionConnections: 4, cacheConnections: 4, pubSubConnections: 2 },
          inUse: 0,
        },
        {
          name: 'oauth_tokens',
          limits: { maxConcurrentValidations: 50, tokenCacheSize: 1000, refreshThresholdMinutes: 5 },
          inUse: 0,
        },
      ],
    },
  });
});

test('an allocation is in use until it is released', async () => {
  const created = await operator.post(allocations, bulk(13, 3));
  expect(created).toMatchObject({
    status: 201,
    body: {
      operation: 'bulk_server_registration',
      allocation: { databaseConnections: 2, redisConnections: 2, oauthValidations: 3 },
    },
  });
  const path = created.headers.get('location') ?? '';
  expect(path).toBe(`${allocations}/${String(created.body['id'])}`);
  expect((await operator.get(path)).body).toEqual(created.body);
  expect(await inUse()).toEqual([2, 2, 3]);
  expect((await operator.delete(path)).status).toBe(204);
  expect(await inUse()).toEqual([0, 0, 0]);
  expect((await operator.delete(path)).status).toBe(404);
});

test('of a hundred concurrent callers of one tenant, those within its share get an allocation and the others a 429', async () => {
  const stranger = await as({ role: 'Operator', tenant: topology.otherTenant });
  const answers = await Promise.all(Array.from({ length: 100 }, () => operator.post(allocations, bulk(20))));
  const granted = answers.filter(({ status }) => status === 201);
  expect(granted).toHaveLength(1);
  expect(await inUse()).toEqual([4, 2, 1]);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(99);
  for (const { headers, body } of refused) {
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(300);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toMatchObject({
      kind: 'exhausted',
      title: 'Too Many Requests',
      detail: expect.stringContaining(
        `(database_connections: 4 asked, and your tenant holds 4 of the 6 that it may); try again in ${seconds} seconds`,
      ) as string,
    });
  }
  const others = await stranger.post(allocations, bulk(20));
  expect(others.status).toBe(201);
  expect((await stranger.delete(others.headers.get('location') ?? '')).status).toBe(204);
  const released = await Promise.all(
    granted.map(({ headers }) => operator.delete(headers.get('location') ?? '')),
  );
  expect(released.map(({ status }) => status)).toEqual([204]);
  expect(await inUse()).toEqual([0, 0, 0]);
});

test.each([
  [
    { operation: 'bulk_server_registraton', estimatedLoad: {} },
    404,
    'did you mean "bulk_server_registration"?',
  ],
  [{ operation: 'bulk_server_registration' }, 400, 'estimatedLoad.serverCount'],
  [bulk(-1), 400, 'estimatedLoad.serverCount'],
  [{ ...bulk(1), holdForMs: 1 }, 400, 'holdForMs'],
  [{ estimatedLoad: {} }, 400, 'operation'],
  [bulk(1, 51), 429, 'ask for less'],
])('%j is a %i that says %s, and takes nothing', async (body, status, words) => {
  const answer = await operator.post(allocations, body);
  expect(answer.status).toBe(status);
  expect(JSON.stringify(answer.body)).toContain(words.replaceAll('"', '\\"'));
  expect(await inUse()).toEqual([0, 0, 0]);
});

test('an allocation belongs to one tenant and counts as in use for all', async () => {
  const stranger = await as({ role: 'Admin', tenant: topology.otherTenant });
  const { headers } = await operator.post(allocations, bulk(5));
  const path = headers.get('location') ?? '';
  expect((await stranger.get(path)).status).toBe(404);
  expect((await stranger.delete(path)).status).toBe(404);
  // The gateway has many tenants here. A tenant may use less while another one uses something.
  expect((await stranger.get('/resource-pools')).body).toMatchObject({
    items: [{ inUse: 1, tenant: { inUse: 0, atMost: 4 } }, {}, {}],
  });
  expect((await operator.delete(path)).status).toBe(204);
});

test.each([
  ['Admin', 200, 201],
  ['Auditor', 200, 403],
  ['User', 403, 403],
] as const)('the role %s reads with %i and allocates with %i', async (role, reads, writes) => {
  const caller = await as({ role });
  expect((await caller.get('/resource-pools')).status).toBe(reads);
  const created = await caller.post(allocations, bulk(5));
  expect(created.status).toBe(writes);
  if (writes === 201) await operator.delete(created.headers.get('location') ?? '');
});

test('allocations and releases are in the audit trail, before they happen and after', async () => {
  const { headers } = await operator.post(allocations, bulk(5));
  const path = headers.get('location') ?? '';
  await operator.delete(path);
  const auditor = await as({ role: 'Auditor' });
  for (const query of [
    'action=pools.allocate&resource=resource-pools/operations/bulk_server_registration',
    `action=pools.release&resource=${path.slice(1)}`,
  ]) {
    const { body } = await auditor.get(`/audit?${query}`);
    expect(body['items']).toContainEqual(expect.objectContaining({ outcome: 'begun', decision: 'allowed' }));
  }
});
