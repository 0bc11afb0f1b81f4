import { beforeEach, describe, expect, test } from 'vitest';
import { succeed } from '../../../shared/platform/base/result.ts';
import { type ManagementRoutes, openManagementRoutes } from '../../support/managementRoutes.ts';
import { discovery, type TestRegistry, testRegistry } from '../../support/registrations.ts';

const url = 'https://mcp.example.com/mcp';
let run: TestRegistry;
let api: ManagementRoutes;
beforeEach(() => {
  const tools = [
    { name: 'search', inputSchema: { type: 'object' }, outputSchema: { type: 'object' }, annotations: {} },
  ];
  run = testRegistry({ validate: () => succeed({ ...discovery, tools }) });
  api = openManagementRoutes(run);
});

async function register(slug: string, more: object = {}): Promise<void> {
  const answer = await api.send('POST', '/servers', { body: { slug, url, ...more } });
  if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
  await run.drain();
}
const get = async (target: string) => (await api.send('GET', target)).body;

describe('an import', () => {
  const map = { stock: { url } };
  const toml = `[mcp_servers.stock]\nurl = "${url}"\n`;
  const commented = `\ufeff{ "servers": { /* ours */ "stock": { "url": "${url}", }, }, }`;

  test.each<[string, string, string]>([
    ['a document in a field', 'application/json', JSON.stringify({ document: { mcpServers: map } })],
    ['a document alone', 'application/json', JSON.stringify({ mcpServers: map })],
    ['a map alone', 'application/json', JSON.stringify(map)],
    ['a document with comments', 'application/json', commented],
    ['a document of another type', 'text/plain; charset=utf-8', commented],
    ['the text of a document in a field', 'application/json', JSON.stringify({ document: commented })],
    ['TOML', 'application/toml', toml],
    ['TOML in a field', 'application/json', JSON.stringify({ document: toml })],
  ])('takes %s', async (_, type, text) => {
    const answer = await api.send('POST', '/servers/import', { text, headers: { 'content-type': type } });
    expect(answer).toMatchObject({ status: 202, body: { plan: { state: 'running' } } });
    await run.pump();
    expect(await get('/servers/stock')).toMatchObject({ status: 'active', url });
  });

  test.each<[string, string, number, string]>([
    ['nothing', '', 400, ''],
    ['no format', 'canary', 400, ''],
    ['no field', '{}', 400, ''],
    ['both fields', JSON.stringify({ url, document: {} }), 400, ''],
    ['an unknown field', JSON.stringify({ document: { mcpServers: map }, dry: true }), 400, ''],
    ['another document', JSON.stringify({ openapi: '3.1.0' }), 400, 'document'],
    ['a text that is none', JSON.stringify({ document: 'canary' }), 400, 'document'],
  ])('refuses %s', async (_, text, status, path) => {
    const answer = await api.send('POST', '/servers/import', { text });
    expect(answer).toMatchObject({ status });
    if (path !== '') expect(answer.body).toMatchObject({ errors: [{ path }] });
    expect(answer.body['detail']).toMatch(/^\S/);
    expect(JSON.stringify(answer.body)).not.toContain('canary');
  });
});

describe('a server that is disabled', () => {
  test('says so in the list and in its details, and takes calls again once it is enabled', async () => {
    await register('stock');
    await register('other');
    const disabled = await api.send('POST', '/servers/stock/disable');
    expect(disabled).toMatchObject({ status: 200, body: { slug: 'stock', status: 'disabled' } });
    const health = { status: 'disabled', checkedAt: discovery.discoveredAt };
    expect(await get('/servers/stock')).toMatchObject({ status: 'disabled', health, toolCount: 1 });
    expect(await get('/servers?status=disabled')).toMatchObject({ items: [{ slug: 'stock', health }] });
    expect(await get('/servers?status=active')).toMatchObject({
      items: [{ slug: 'other', health: { status: 'healthy' } }],
    });
    expect(await get('/servers/export')).toEqual({
      servers: { other: expect.objectContaining({ type: 'http' }) as object },
    });
    const etag = disabled.headers.get('etag') ?? '';
    const late = await api.send('POST', '/servers/stock/enable', { headers: { 'if-match': '"other"' } });
    expect(late.status).toBe(412);
    const enabled = await api.send('POST', '/servers/stock/enable', { headers: { 'if-match': etag } });
    expect(enabled).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(await get('/servers/stock')).toMatchObject({ health: { status: 'healthy' } });
  });

  test('is disabled by an administrator alone', async () => {
    await register('stock');
    for (const role of ['Operator', 'Auditor', 'User'] as const) {
      const answer = await api.send('POST', '/servers/stock/disable', { by: { roles: [role] } });
      expect(answer.status).toBe(403);
    }
    const stranger = await api.send('POST', '/servers/stock/disable', { by: { tenantId: 't2' } });
    expect(stranger.status).toBe(404);
    expect(await get('/servers/stock')).toMatchObject({ status: 'active' });
  });
});

test('the details of a server have the schemas of its tools when a caller asks for them', async () => {
  await register('stock');
  const { tools } = await get('/servers/stock');
  expect(tools).toEqual([{ name: 'search', hash: expect.any(String) as string }]);
  expect(await get('/servers/stock?include=schemas')).toMatchObject({
    tools: [
      { name: 'search', inputSchema: { type: 'object' }, outputSchema: { type: 'object' }, annotations: {} },
    ],
  });
  expect(await api.send('GET', '/servers/stock?include=everything')).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'include.0' }] },
  });
});

test('a server with a literal header shows it, and one with the header of a credential is refused', async () => {
  const upstream = { headers: { 'x-region': { value: 'eu' } } };
  await register('stock', { upstream });
  expect(await get('/servers/stock')).toMatchObject({ upstream });
  const secret = { slug: 'b', url, upstream: { headers: { authorization: { value: 'canary' } } } };
  const refused = await api.send('POST', '/servers', { body: secret });
  expect(refused).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'upstream.headers.authorization.value' }] },
  });
  expect(JSON.stringify(refused.body)).not.toContain('canary');
});

test('a registry link finds a server by the tags that it was registered with', async () => {
  await register('stock', { tags: ['finance'] });
  await register('other');
  const { path } = (await api.send('POST', '/registry-links', { body: { name: 'f', tags: ['finance'] } }))
    .body;
  expect(await get(`${String(path)}/v0.1/servers`)).toMatchObject({
    servers: [{ server: { name: 'com.example.gateway/stock' } }],
  });
  const found = await api.send(
    'GET',
    `${String(path)}/v0.1/servers/com.example.gateway%2Fstock/versions/latest`,
  );
  expect(found.status).toBe(200);
});

describe('a toolset', () => {
  const missingOf = async (items: object) =>
    (await api.send('POST', '/toolsets', { body: { slug: 'desk', title: 'Desk', ...items } })).body[
      'missing'
    ];

  test('says which of its servers and items do not exist', async () => {
    await register('stock');
    await register('off', { disabled: true });
    const missing = await missingOf({
      tools: [
        { server: 'stock', name: 'search' },
        { server: 'stock', name: 'serach' },
        { server: 'stok', name: 'search', as: 'b' },
        { server: 'off', name: 'search', as: 'c' },
      ],
      prompts: [{ server: 'stock', name: 'greet' }],
      resources: [{ server: 'stock', uri: 'test://a' }],
    });
    expect(missing).toEqual([
      { path: 'tools.1', message: 'the server "stock" has no tool "serach" in its lists' },
      { path: 'tools.2', message: 'there is no server "stok" yet' },
      { path: 'tools.3', message: 'the server "off" is disabled' },
      { path: 'prompts.0', message: 'the server "stock" has no prompt "greet" in its lists' },
      { path: 'resources.0', message: 'the server "stock" has no resource "test://a" in its lists' },
    ]);
    expect((await get('/toolsets/desk'))['missing']).toEqual(missing);
    const change = { title: 'Desk', tools: [{ server: 'stock', name: 'search' }] };
    const changed = await api.send('PUT', '/toolsets/desk', { body: change });
    expect(changed.body).toMatchObject({ missing: [] });
  });

  test('says nothing about lists that the gateway does not know', async () => {
    const capabilities = { tools: {}, prompts: {}, resources: {} };
    run = testRegistry({ validate: () => succeed({ ...discovery, capabilities }) });
    api = openManagementRoutes(run);
    await register('stock');
    const prompts = [{ server: 'stock', name: 'greet' }];
    expect(await missingOf({ prompts, resources: [{ server: 'stock', uri: 'test://a' }] })).toEqual([]);
  });
});
