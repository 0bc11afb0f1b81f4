import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkOfficialAnswer } from '../support/officialRegistrySchema.ts';
import { serverJson } from '../support/serverJson.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let admin: string;
let stranger: string;
beforeAll(async () => {
  topology = await useSharedTopology();
  admin = await topology.mint({ role: 'Admin' });
  stranger = await topology.mint({ role: 'Admin', tenant: topology.otherTenant });
});
afterAll(() => topology.stop());

/** Every answer is held against the API's schema. */
async function call(method: string, path: string, token?: string, body?: unknown, headers = {}) {
  const response = await fetch(topology.urls.management + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
  checkOfficialAnswer(method, path, answer);
  return answer;
}
const publish = (more: Record<string, unknown> = {}, token = admin) =>
  call('POST', '/v0.1/publish', token, serverJson(more));

test('a published server is read by its name in both spellings, through the host, under both versions of the API', async () => {
  expect(await publish({ version: '1.0.0' })).toMatchObject({ status: 200 });
  expect(await publish({ version: '1.1.0+b1' })).toMatchObject({ status: 200 });
  expect(await publish({ version: 'nightly/1' })).toMatchObject({ status: 200 });
  for (const base of ['/v0.1', '/v0']) {
    for (const name of ['com.example%2Finventory', 'com.example%2finventory', 'com.example/inventory']) {
      const path = `${base}/servers/${name}/versions`;
      expect((await call('GET', path, admin)).body).toMatchObject({ metadata: { count: 3 } });
      expect((await call('GET', `${path}/latest`, admin)).body).toMatchObject({
        server: { version: '1.1.0+b1' },
      });
      expect((await call('GET', `${path}/nightly%2F1`, admin)).status).toBe(200);
    }
    for (const list of ['/servers', '/servers/', '/servers?limit=1']) {
      expect((await call('GET', base + list, admin)).status).toBe(200);
    }
  }
});

test('of concurrent publishers of one version, one succeeds and the others get a conflict', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => publish({ name: 'com.example/raced' })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
  const versions = await call('GET', '/v0.1/servers/com.example%2Fraced/versions', admin);
  expect(versions.body).toMatchObject({ metadata: { count: 1 } });
});

test('the list follows the status of a version', async () => {
  const path = '/v0.1/servers/com.example%2Faged';
  await publish({ name: 'com.example/aged', version: '1.0.0' });
  await publish({ name: 'com.example/aged', version: '2.0.0' });
  const deprecated = { status: 'deprecated', statusMessage: 'Use v2' };
  expect((await call('PATCH', `${path}/versions/1.0.0/status`, admin, deprecated)).status).toBe(200);
  expect((await call('PATCH', `${path}/versions/1.0.0/status`, admin, deprecated)).status).toBe(400);
  expect((await call('DELETE', `${path}/versions/2.0.0`, admin)).status).toBe(200);
  expect((await call('GET', `${path}/versions/latest`, admin)).body).toMatchObject({
    server: { version: '1.0.0' },
  });
  expect((await call('PATCH', `${path}/status`, admin, { status: 'deleted' })).body).toMatchObject({
    updatedCount: 1,
  });
  expect((await call('GET', `${path}/versions`, admin)).status).toBe(404);
});

test('each tenant has its own registry', async () => {
  await publish({ name: 'com.example/ours' });
  expect((await call('GET', '/v0.1/servers', stranger)).body).toMatchObject({ servers: [] });
  const path = '/v0.1/servers/com.example%2Fours/versions/1.0.0';
  expect((await call('GET', path, stranger)).status).toBe(404);
  expect((await call('DELETE', path, stranger)).status).toBe(404);
  expect((await publish({ name: 'com.example/ours', title: 'Theirs' }, stranger)).status).toBe(200);
  expect((await call('GET', path, admin)).status).toBe(200);
});

test('a link opens the registry without a token until it is revoked, and its secret is in no log', async () => {
  const made = await call('POST', '/registry-links', admin, { name: 'VS Code' });
  const { id, path } = made.body as { id: string; path: string };
  const origin = 'https://vscode.dev';
  const probe = await call('GET', `${path}/v0.1/servers?limit=1`, undefined, undefined, { origin });
  expect(probe.status).toBe(200);
  expect(probe.headers.get('access-control-allow-origin')).toBe('*');
  const preflight = await call('OPTIONS', `${path}/v0.1/servers`, undefined, undefined, { origin });
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
    204,
    'GET, OPTIONS',
  ]);
  expect((await call('GET', `${path}/v0.1/servers/no%2Fname/versions/latest`)).status).toBe(404);
  expect((await call('POST', `${path}/v0.1/publish`, admin, serverJson())).status).toBe(404);
  expect((await call('DELETE', `/registry-links/${id}`, stranger)).status).toBe(404);
  expect((await call('DELETE', `/registry-links/${id}`, admin)).status).toBe(204);
  expect((await call('GET', `${path}/v0.1/servers`)).status).toBe(404);

  const logs = await topology.logs();
  expect(logs).toContain('registry-link-read-v0-1');
  expect(logs).not.toContain(path.slice(3));
});
