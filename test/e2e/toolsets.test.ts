import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let admin: Api;
let userToken: string;

beforeAll(async () => {
  topology = await useSharedTopology({ demo: true });
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  userToken = await topology.mint({ role: 'User' });
});
afterAll(() => topology.stop());

const body = {
  slug: 'counter',
  title: 'At the counter',
  tools: [
    { server: 'inventory', name: 'search_items', as: 'find', description: 'Finds what is on the shelf.' },
  ],
};
const put = (headers: Record<string, string>, change: object) =>
  fetch(`${topology.urls.management}/toolsets/counter`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(change),
  });

test('a client sees and calls the toolset that an administrator curated, and another tenant does not', async () => {
  expect(await admin.post('/toolsets', body)).toMatchObject({
    status: 201,
    body: { slug: 'counter', prompts: [] },
  });
  expect((await admin.post('/toolsets', body)).status).toBe(409);
  expect(await admin.post('/toolsets', { ...body, slug: 'x', tools: [{}] })).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'tools.0.server' }, { path: 'tools.0.name' }] },
  });
  const user = managementApi(topology.urls.management, userToken);
  expect((await user.post('/toolsets', { ...body, slug: 'mine' })).status).toBe(403);
  expect((await user.get('/toolsets')).body).toMatchObject({ items: [{ slug: 'counter', toolCount: 1 }] });
  const stranger = managementApi(
    topology.urls.management,
    await topology.mint({ role: 'Admin', tenant: topology.otherTenant }),
  );
  expect((await stranger.get('/toolsets/counter')).status).toBe(404);

  const client = new Client({ name: 'e2e', version: '1' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/toolsets/counter/mcp', topology.urls.mcp), {
      requestInit: { headers: { authorization: `Bearer ${userToken}` } },
    }),
  );
  expect((await client.listTools()).tools).toMatchObject([
    { name: 'find', description: 'Finds what is on the shelf.' },
  ]);
  const found = await client.callTool({ name: 'find', arguments: { text: 'm8' } });
  expect(found.structuredContent).toMatchObject({ found: [{ sku: 'BOLT-M8' }] });
  await client.close();
});

test('a toolset is replaced only with the ETag of its last version, and is gone after it is deleted', async () => {
  const authorization = `Bearer ${await topology.mint({ role: 'Admin' })}`;
  const { headers } = await admin.get('/toolsets/counter');
  const change = { title: 'Counter', tools: [] };
  expect((await put({ authorization, 'if-match': '"other"' }, change)).status).toBe(412);
  expect((await put({ authorization, 'if-match': headers.get('etag') ?? '' }, change)).status).toBe(200);
  expect((await put({ authorization, 'if-match': headers.get('etag') ?? '' }, change)).status).toBe(412);
  expect((await admin.get('/toolsets/counter')).body).toMatchObject({ title: 'Counter', tools: [] });
  expect((await admin.delete('/toolsets/counter')).status).toBe(204);
  expect((await admin.get('/toolsets/counter')).status).toBe(404);
  const audit = (await admin.get('/audit?limit=100')).body['items'] as { action: string }[];
  expect(audit.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['toolsets.create', 'toolsets.replace', 'toolsets.delete']),
  );
});
