import { afterAll, beforeAll, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { type FakeRegistry, startFakeRegistry, upstreamEntry } from '../support/fakeRegistry.ts';
import { serverJson } from '../support/serverJson.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

let registry: FakeRegistry;
let topology: TestTopology;
let admin: string;
beforeAll(async () => {
  registry = await startFakeRegistry();
  topology = await startTestTopology({ settings: { MREG_UPSTREAM_REGISTRY: registry.url } });
  admin = await topology.mint({ role: 'Admin' });
});
afterAll(async () => {
  await topology.stop();
  await registry.close();
});

async function call(method: string, path: string, body?: unknown, token = admin) {
  const response = await fetch(topology.urls.management + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const run = () => call('POST', '/registry-sync/runs');
const version = (name: string, more = '') =>
  call('GET', `/v0.1/servers/com.example%2F${name}/versions/1.0.0${more}`);
const official = 'io.modelcontextprotocol.registry/official';

test('servers of another registry come with their statuses and follow them, and what is decided here stays', async () => {
  const named = (name: string, more = {}) => upstreamEntry({ name: `com.example/${name}` }, more);
  await call('POST', '/v0.1/publish', serverJson({ name: 'com.example/ours', title: 'Ours' }));
  registry.pages = [
    [named('followed'), named('decided')],
    [named('ours'), named('bad/name')],
  ];
  expect(await run()).toMatchObject({
    status: 200,
    body: { source: new URL(registry.url).host, state: 'succeeded', pages: 2, published: 2, skipped: 2 },
  });
  expect((await version('followed')).body).toMatchObject({
    server: serverJson({ name: 'com.example/followed' }),
    _meta: {
      [official]: { status: 'active', publishedAt: '2025-11-01T10:00:00.123Z', isLatest: true },
      'mcp-registry-gateway/server': { source: new URL(registry.url).host },
    },
  });
  expect((await version('ours')).body).toMatchObject({ server: { title: 'Ours' } });

  const decided = { status: 'deprecated', statusMessage: 'Ours' };
  await call('PATCH', '/v0.1/servers/com.example%2Fdecided/versions/1.0.0/status', decided);
  registry.pages = [
    [
      named('followed', { status: 'deleted', statusMessage: 'Theirs' }),
      named('decided', { status: 'deleted' }),
    ],
  ];
  expect((await run()).body).toMatchObject({ published: 0, updated: 1, unchanged: 1 });
  expect((await version('followed')).status).toBe(404);
  expect((await version('followed', '?include_deleted=true')).body).toMatchObject({
    _meta: { [official]: { status: 'deleted', statusMessage: 'Theirs' } },
  });
  expect((await version('decided')).body).toMatchObject({ _meta: { [official]: decided } });
});

test('its last figures are read by those who may, and it does not exist for another tenant', async () => {
  await run();
  const token = await topology.mint({ role: 'Auditor' });
  expect(await call('GET', '/registry-sync', undefined, token)).toMatchObject({
    body: { state: 'succeeded' },
  });
  expect((await call('POST', '/registry-sync/runs', undefined, token)).status).toBe(403);
  const stranger = await topology.mint({ role: 'Admin', tenant: secondTenant });
  expect((await call('GET', '/registry-sync', undefined, stranger)).status).toBe(404);
  expect((await call('POST', '/registry-sync/runs', undefined, stranger)).status).toBe(404);
});
