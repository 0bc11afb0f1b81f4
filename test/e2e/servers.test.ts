import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { type Answer, type Api, managementApi } from '../support/managementApi.ts';
import { post } from '../support/rawClient.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const SECRET = 'canary-of-the-vault';
let vault: HandmadeUpstream;
/** Shows each signed-in user a tool of their own, and nobody else any. */
let mail: HandmadeUpstream;
const ofUser =
  (result: (user: string) => object): Parameters<typeof handmadeUpstream>[0] =>
  (response, { headers, message: { id } }) => {
    const [, token] = (headers.authorization ?? '').split(' ');
    const claims = token === undefined ? {} : decodeJwt(token);
    if (claims.aud !== 'api://mail') json(response, {}, 401);
    else json(response, { jsonrpc: '2.0', id, result: result(String(claims['oid']).slice(0, 8)) });
  };
let topology: TestTopology;
let admin: Api;
let token: string;
beforeAll(async () => {
  const answer =
    (result: object): Parameters<typeof handmadeUpstream>[0] =>
    (response, { message, headers }) => {
      const body = { jsonrpc: '2.0', id: message.id, result };
      json(response, body, headers['x-vault-key'] === SECRET ? 200 : 401);
    };
  vault = await handmadeUpstream(answer({ content: [{ type: 'text', text: 'opened' }] }), {
    'tools/list': answer({ tools: [{ name: 'open', inputSchema: { type: 'object' } }] }),
  });
  mail = await handmadeUpstream(
    ofUser((user) => ({ content: [{ type: 'text', text: `mail of ${user}` }] })),
    {
      'tools/list': ofUser((user) => ({
        tools: [{ name: `read_${user}`, inputSchema: { type: 'object' } }],
      })),
    },
  );
  const credentials = {
    mail: { onBehalfOf: 'api://mail/.default', origins: [new URL(mail.url).origin] },
    'vault-key': { value: SECRET, origins: [new URL(vault.url).origin] },
  };
  topology = await startTestTopology({
    demo: true,
    settings: { MREG_CREDENTIALS: JSON.stringify(credentials) },
  });
  token = await topology.mint({ role: 'Admin' });
  admin = managementApi(topology.urls.management, token);
});
afterAll(async () => {
  await topology.stop();
  await Promise.all([vault.close(), mail.close()]);
});

async function put(path: string, body: object, ifMatch?: string): Promise<Answer> {
  const response = await fetch(topology.urls.management + path, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('a registered server', () => {
  test('tells which phases of its registration are completed', async () => {
    const url = topology.urls.inventory;
    expect(
      (await admin.post('/servers?wait=20', { slug: 'stock', url, tags: ['finance'] })).body,
    ).toMatchObject({
      status: 'active',
      phasesCompleted: ['auth', 'validation', 'registration', 'audit'],
    });
  });

  test('is changed by whoever has read it last, once it is validated with its new content', async () => {
    const read = await admin.get('/servers/stock');
    const etag = read.headers.get('etag') ?? '';
    const content = { url: topology.urls.toolbox, title: 'Tools', tags: ['tools'], owner: 'team-tools' };
    expect((await put('/servers/stock?wait=20', content, etag)).body).toMatchObject({
      slug: 'stock',
      plan: { state: 'succeeded' },
    });
    expect((await admin.get('/servers/stock')).body).toMatchObject({
      ...content,
      era: 'modern',
      status: 'active',
    });
    expect(await put('/servers/stock', content, etag)).toMatchObject({
      status: 412,
      body: { kind: 'conflict' },
    });
  });

  test('is published as it was sent, also where that looks like a reference to a step of its plan', async () => {
    const server = {
      name: 'com.example/lookalike',
      description: 'Looks like a reference',
      version: '1.0.0',
      remotes: [{ type: 'streamable-http', url: topology.urls.toolbox }],
      _meta: { 'com.example/notes': { who: { $outcomeOf: 'authenticate_admin' } } },
    };
    const bulk = { servers: [{ slug: 'lookalike', server }] };
    expect((await admin.post('/servers/bulk?wait=20', bulk)).body).toMatchObject({
      servers: [{ slug: 'lookalike', status: 'active' }],
    });
    const { body: link } = await admin.post('/registry-links', { name: 'readers' });
    const read = async () => {
      const path = `${String(link['path'])}/v0.1/servers/com.example%2Flookalike/versions/latest`;
      return (await (await fetch(topology.urls.management + path)).json()) as object;
    };
    expect(await read()).toMatchObject({ server: { _meta: server._meta } });
    const changed = { server: { ...server, description: 'Looks like one still' } };
    expect((await put('/servers/lookalike?wait=20', changed)).body).toMatchObject({
      plan: { state: 'succeeded' },
    });
    expect(await read()).toMatchObject({
      server: { _meta: server._meta, description: 'Looks like one still' },
    });
    expect((await admin.delete('/servers/lookalike')).status).toBe(204);
  });

  test('stays as it is where its new content does not work', async () => {
    const { body } = await put('/servers/stock?wait=20', { url: 'http://127.0.0.1:9/mcp' });
    expect(body).toMatchObject({ plan: { state: 'failed', error: { step: 'validate_server_config' } } });
    expect((await admin.get('/servers/stock')).body).toMatchObject({
      title: 'Tools',
      status: 'active',
      health: { status: 'healthy' },
    });
  });

  test('is refreshed, and what it offers has hashes', async () => {
    expect((await admin.post('/servers/stock/refresh?wait=20', {})).body).toMatchObject({
      plan: { state: 'succeeded' },
    });
    const { tools } = (await admin.get('/servers/stock')).body as { tools: { hash: string }[] };
    expect(tools.every(({ hash }) => /^[\w-]{43}$/.test(hash))).toBe(true);
  });

  test('is listed by tag, status and search, and published as the official API shows it', async () => {
    const slugs = async (query: string) =>
      ((await admin.get(`/servers?${query}`)).body['items'] as { slug: string }[]).map(({ slug }) => slug);
    expect(await slugs('tag=tools')).toEqual(['stock']);
    expect(await slugs('search=INVENT&status=active')).toEqual(['inventory']);
    expect((await admin.get('/servers?status=gone')).status).toBe(400);
    const { body } = await admin.get('/v0.1/servers?search=stock&version=latest');
    expect(body['servers']).toEqual([
      expect.objectContaining({ server: expect.objectContaining({ name: 'local.gateway/stock' }) as object }),
    ]);
  });

  test('is removed with a record of it, and is published no longer', async () => {
    expect((await admin.delete('/servers/stock')).status).toBe(204);
    expect((await admin.get('/servers/stock')).status).toBe(404);
    expect((await admin.get('/v0.1/servers?search=stock')).body['servers']).toEqual([]);
    const { body } = await admin.get('/audit?resource=servers/stock');
    const actions = (body['items'] as { action: string }[]).map(({ action }) => action);
    expect(actions).toEqual(
      expect.arrayContaining(['servers.registered', 'servers.update', 'servers.removal', 'servers.delete']),
    );
  });
});

test('a hundred servers are registered by one call, which says what became of each', async () => {
  const servers: object[] = Array.from({ length: 100 }, (_, index) => ({
    slug: `many-${index}`,
    url: index === 7 ? 'http://127.0.0.1:9/mcp' : topology.urls.toolbox,
  }));
  const begun = await admin.post('/servers/bulk', {
    servers: [...servers, servers[0], { slug: 'Not A Slug' }],
  });
  expect(begun).toMatchObject({ status: 202, body: { plan: { state: 'running' } } });
  const read = () => admin.get(`${begun.headers.get('location') ?? ''}?wait=30`);
  let plan = await read();
  while (plan.body['state'] === 'running') plan = await read();
  const steps = plan.body['steps'] as { result?: { servers?: { slug: string; status: string }[] } }[];
  const statuses = new Map(
    steps.flatMap(({ result }) => result?.servers ?? []).map(({ slug, status }) => [slug, status]),
  );
  expect(statuses.size).toBe(100);
  expect([...statuses].filter(([, status]) => status !== 'active')).toEqual([['many-7', 'rejected']]);
  expect(begun.body['servers']).toEqual([
    { slug: 'many-0', status: 'refused', reason: 'an earlier server of this request has the same slug' },
    expect.objectContaining({
      status: 'refused',
      errors: expect.arrayContaining([expect.objectContaining({ path: 'servers.101.slug' })]) as unknown[],
    }),
  ]);
});

test('numbers keep their digits: in the list of a registered server, and in a call of its tool', async () => {
  const numbers = '{"id":725653563933458432,"price":1.0,"far":1e400,"zero":-0}';
  const schema = `{"type":"object","properties":{"id":{"type":"integer","maximum":18446744073709551615,"default":1.0}}}`;
  const answer =
    (result: string): Parameters<typeof handmadeUpstream>[0] =>
    (response, { message }) => {
      json(response, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${result}}`);
    };
  const records = await handmadeUpstream(answer(`{"structuredContent":${numbers},"content":[]}`), {
    'tools/list': answer(`{"tools":[{"name":"read","inputSchema":${schema}}]}`),
  });
  const ask = async (method: string, params: string): Promise<string> => {
    const response = await fetch(`${topology.urls.mcp}/servers/records/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`,
    });
    return response.text();
  };
  const registered = await admin.post('/servers?wait=20', { slug: 'records', url: records.url });
  expect(registered.body).toMatchObject({ status: 'active' });
  expect(await ask('tools/list', '{}')).toContain(`"inputSchema":${schema}`);
  expect(await ask('tools/call', `{"name":"read","arguments":${numbers}}`)).toContain(numbers);
  expect(records.calls()[0]?.body).toContain(`"arguments":${numbers}`);
  await admin.delete('/servers/records?wait=20');
  await records.close();
});

describe('a server that wants a key and is shared', () => {
  const upstream = { headers: { 'x-vault-key': { credential: 'vault-key' } } };
  let other: Api;
  let otherToken: string;
  beforeAll(async () => {
    otherToken = await topology.mint({ role: 'Admin', tenant: secondTenant });
    other = managementApi(topology.urls.management, otherToken);
  });

  test('is registered with a reference to the key, and refused where there is none', async () => {
    const server = { slug: 'vault', url: vault.url, visibility: 'shared' };
    const unknown = { headers: { 'x-vault-key': { credential: 'another' } } };
    expect(await admin.post('/servers', { ...server, upstream: unknown })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'upstream.headers.x-vault-key.credential' }] },
    });
    expect((await admin.post('/servers?wait=20', { ...server, upstream })).body).toMatchObject({
      status: 'active',
    });
    expect((await admin.get('/servers/vault')).body).toMatchObject({ visibility: 'shared', upstream });
  });

  test('is seen, read and called by another tenant, which is told nothing of how', async () => {
    const shown = (await other.get('/servers/vault')).body;
    expect(shown).toMatchObject({ slug: 'vault', visibility: 'shared', status: 'active' });
    for (const name of ['url', 'owner', 'upstream', 'plan']) expect(shown).not.toHaveProperty(name);
    const published = (await other.get('/v0.1/servers?search=vault')).body['servers'];
    expect(published).toHaveLength(1);
    const called = await post(
      `${topology.urls.mcp}/mcp`,
      'legacy',
      'tools/call',
      { name: 'vault__open' },
      { authorization: `Bearer ${otherToken}` },
    );
    expect(JSON.stringify(await called.all())).toContain('opened');
  });

  test('cannot be changed by another tenant, which cannot share servers of its own either', async () => {
    expect((await other.delete('/servers/vault')).status).toBe(404);
    const own = { slug: 'own', url: topology.urls.toolbox, visibility: 'shared' };
    expect(await other.post('/servers', own)).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'visibility' }] },
    });
  });

  test('is gone for everybody once it is shared no more', async () => {
    const { body } = await put('/servers/vault?wait=20', { url: vault.url, upstream });
    expect(body).toMatchObject({ plan: { state: 'succeeded' } });
    expect((await other.get('/servers/vault')).status).toBe(404);
    expect((await other.get('/v0.1/servers?search=vault')).body['servers']).toEqual([]);
    expect(JSON.stringify((await admin.get('/servers/vault')).body)).not.toContain(SECRET);
  });
});

describe('a server that every user signs in to', () => {
  const mint = (user: string) => topology.mint({ role: 'User', user });
  const toolsOf = async (user: string) => {
    const headers = { authorization: `Bearer ${await mint(user)}` };
    const [answer] = await (
      await post(`${topology.urls.mcp}/servers/mail/mcp`, 'modern', 'tools/list', {}, headers)
    ).all();
    return answer?.result?.tools?.map(({ name }) => name);
  };

  test('is validated in the name of whoever registers it, and refused to those who are no person', async () => {
    const upstream = { headers: { authorization: { credential: 'mail' } } };
    const server = { slug: 'mail', url: mail.url, upstream };
    const app = managementApi(topology.urls.management, await topology.mint({ role: 'Admin', kind: 'app' }));
    expect(await app.post('/servers?wait=20', server)).toMatchObject({ status: 422, body: { slug: 'mail' } });
    expect((await admin.post('/servers?wait=20', server)).body).toMatchObject({ status: 'active' });
  });

  test('shows each of them what is theirs, and nobody what is another’s', async () => {
    const [one, other] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
    expect(await toolsOf(one)).toEqual(['read_11111111']);
    expect(await toolsOf(other)).toEqual(['read_22222222']);
  });
});

describe('servers from elsewhere', () => {
  test('are imported from the configuration of a client, without its secrets', async () => {
    const document = {
      mcpServers: {
        'Tool Box': { url: topology.urls.toolbox },
        local: { command: 'npx', args: ['-y', 'something'] },
        secret: { url: topology.urls.toolbox, headers: { Authorization: 'Bearer canary-5d1c' } },
      },
    };
    const { body } = await admin.post('/servers/import?wait=20', { document });
    expect(body['servers']).toEqual([
      expect.objectContaining({ slug: 'tool-box', status: 'active' }),
      expect.objectContaining({ name: 'local', status: 'refused' }),
      expect.objectContaining({ name: 'secret', status: 'refused' }),
    ]);
    expect(JSON.stringify(body)).not.toContain('canary');
  });

  test('are imported from the file of a client as it is, and stay disabled until they are enabled', async () => {
    const file = `\ufeff{
      // our servers
      "servers": { "workshop": { "type": "sse", "url": "${topology.urls.toolbox}", "disabled": true, }, },
    }`;
    const imported = await admin.post('/servers/import?wait=20', file);
    expect(imported.body['servers']).toMatchObject([{ slug: 'workshop', status: 'disabled' }]);
    const list = async () => {
      const url = new URL('/servers/workshop/mcp', topology.urls.mcp).href;
      const answer = await post(url, 'legacy', 'tools/list', {}, { authorization: `Bearer ${token}` });
      return { status: answer.status, message: (await answer.all())[0] };
    };
    const refused = {
      status: 404,
      message: { error: { message: expect.stringMatching(/disabled/) as string } },
    };
    expect(await list()).toMatchObject(refused);
    expect((await admin.post('/servers/workshop/enable', {})).body).toMatchObject({ status: 'active' });
    expect(await list()).toMatchObject({ status: 200, message: { result: { tools: {} } } });
    expect((await admin.post('/servers/workshop/disable', {})).body).toMatchObject({ status: 'disabled' });
    await expect.poll(list, { timeout: 5_000 }).toMatchObject(refused);
    const audit = (await admin.get('/audit?limit=100')).body['items'] as { action: string }[];
    expect(audit.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['servers.enable', 'servers.disable']),
    );
    expect((await admin.delete('/servers/workshop')).status).toBe(204);
  });

  test('cannot be imported from what is no such document, nor from an address that is none', async () => {
    expect((await admin.post('/servers/import', { document: { a: 1 } })).status).toBe(400);
    expect((await admin.post('/servers/import', { url: 'file:///etc/passwd' })).status).toBe(400);
    expect((await admin.post('/servers/import', {})).status).toBe(400);
  });

  test('are exported as a configuration that leads to the gateway', async () => {
    const url = `${topology.urls.mcp}/servers/tool-box/mcp`;
    expect((await admin.get('/servers/export')).body['servers']).toMatchObject({
      'tool-box': { type: 'http', url },
    });
    expect((await admin.get('/servers/export?format=claude')).body['mcpServers']).toMatchObject({
      'tool-box': { url },
    });
  });
});
