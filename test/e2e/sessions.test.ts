import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultUser } from '../../infra/local/defaults.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let ownToken: string;
let owner: Api;
const api = (token: string) => managementApi(topology.urls.management, token);
const colleague = '22222222-3333-4444-8555-666666666666';
const as = async (mint: Parameters<SharedTopology['mint']>[0]) => api(await topology.mint(mint));

beforeAll(async () => {
  topology = await useSharedTopology();
  ownToken = await topology.mint({ roles: ['User', 'Operator'] });
  owner = api(ownToken);
});
afterAll(() => topology.stop());

/** Opens a session of the owner's and gives its path. */
const opened = async (): Promise<string> => {
  const { headers } = await owner.post('/sessions', {});
  return headers.get('location') ?? '';
};

test('a session shows its owner, app, roles and expiry, and never the token', async () => {
  const created = await owner.post('/sessions', {});
  expect(created.status).toBe(201);
  const { id } = created.body as { id: string };
  expect(created.headers.get('location')).toBe(`/sessions/${id}`);
  const { status, body } = await owner.get(`/sessions/${id}`);
  expect(status).toBe(200);
  expect(body).toEqual({
    ...created.body,
    authContext: {
      tenantId: created.body['tenantId'],
      userId: defaultUser,
      roles: ['Operator', 'User'],
      expiresAt: created.body['expiresAt'],
      serverContext: { app: 'management', createdAt: created.body['createdAt'] },
    },
  });
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  for (const part of ownToken.split('.')) expect(JSON.stringify(body)).not.toContain(part);
});

test('a session ends with its token, and an expired token opens none', async () => {
  const seconds = Math.floor(Date.now() / 1_000);
  const soon = await api(await topology.signWith({ exp: seconds + 300 })).post('/sessions', {});
  expect(soon.body).toMatchObject({ expiresAt: new Date((seconds + 300) * 1_000).toISOString() });
  const late = await api(await topology.signWith({ exp: seconds - 30 })).post('/sessions', {});
  expect(late).toMatchObject({ status: 401, body: { detail: expect.stringContaining('expired') as string } });
  expect(late.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
});

describe("somebody else's session", () => {
  test.each([
    { role: 'Admin', sees: 200, ends: 204 },
    { role: 'Auditor', sees: 200, ends: 404 },
    { role: 'Operator', sees: 404, ends: 404 },
    { role: 'User', sees: 404, ends: 404 },
  ] as const)('is seen with $sees and ended with $ends by the role $role', async ({ role, sees, ends }) => {
    const path = await opened();
    const other = await as({ role, user: colleague });
    expect((await other.get(path)).status).toBe(sees);
    expect((await other.delete(path)).status).toBe(ends);
    expect((await owner.get(path)).status).toBe(ends === 204 ? 404 : 200);
  });

  test('does not exist for another tenant, whatever the role and even for the same user', async () => {
    const path = await opened();
    const stranger = await as({ role: 'Admin', tenant: topology.otherTenant });
    for (const answer of [await stranger.get(path), await stranger.delete(path)]) {
      expect(answer).toMatchObject({ status: 404, body: { title: 'Not Found' } });
    }
    expect((await owner.get(path)).status).toBe(200);
  });
});

test('a session that its owner ends is ended for everyone, with an audit record before and after', async () => {
  const path = await opened();
  expect((await owner.delete(path)).status).toBe(204);
  expect((await owner.get(path)).status).toBe(404);
  expect((await owner.delete(path)).status).toBe(404);
  const auditor = await as({ role: 'Auditor' });
  const { body } = await auditor.get(`/audit?action=sessions.end&resource=${path.slice(1)}`);
  expect((body['items'] as { outcome: string }[]).map(({ outcome }) => outcome)).toContain('begun');
});

test.each(['nothing', '..%2F..%2Fx', '%20', 'x'.repeat(2_000), '%ED%A0%80'])(
  'the unknown id %s is a 404',
  async (id) => {
    expect((await owner.get(`/sessions/${id}`)).status).toBe(404);
  },
);
