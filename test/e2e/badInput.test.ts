import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let admin: Api;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  topology = await useSharedTopology();
  tokens['admin'] = await topology.mint({ role: 'Admin' });
  tokens['user'] = await topology.mint({ role: 'User' });
  tokens['auditor'] = await topology.mint({ role: 'Auditor' });
  tokens['stranger'] = await topology.mint({ role: 'Admin', tenant: topology.otherTenant });
  tokens['no role'] = await topology.mint({ roles: [] });
  tokens['forged'] = `${tokens['admin'].slice(0, -4)}AAAA`;
  admin = managementApi(topology.urls.management, tokens['admin']);
});
afterAll(() => topology.stop());

const server = { slug: 'new', url: 'http://127.0.0.1:9/mcp' };
const api = (token: string | undefined) => managementApi(topology.urls.management, token);
const names = async () =>
  ((await admin.get('/servers')).body['items'] as { slug: string }[]).map(({ slug }) => slug);

describe('a request that is not valid gets a status and a body that says why, and nothing is stored', () => {
  interface Row {
    readonly status: number;
    readonly who?: string;
    readonly body?: unknown;
    readonly why: string;
  }
  test.each<Row>([
    { status: 401, why: 'no token' },
    { status: 401, who: 'forged', why: 'a signature that is not valid' },
    { status: 403, who: 'no role', why: 'no role of this gateway' },
    { status: 403, who: 'user', why: 'a role that may not register' },
    { status: 400, who: 'admin', body: { ...server, url: 'not a url' }, why: 'an invalid URL' },
    {
      status: 400,
      who: 'admin',
      body: { ...server, url: 'ftp://example.com/' },
      why: 'a scheme that is not HTTP',
    },
    {
      status: 400,
      who: 'admin',
      body: { ...server, url: 'http://u:secret@127.0.0.1/' },
      why: 'a password in the URL',
    },
    {
      status: 400,
      who: 'admin',
      body: { ...server, url: 'http://169.254.169.254/' },
      why: 'a link-local address',
    },
    { status: 400, who: 'admin', body: { ...server, slug: 'Not A Slug' }, why: 'an invalid slug' },
    {
      status: 400,
      who: 'admin',
      body: { ...server, tenantId: '00000000-0000-4000-8000-000000000000' },
      why: 'an unknown field',
    },
    { status: 400, who: 'admin', body: [], why: 'a body that is no object' },
    { status: 400, who: 'admin', body: '{"slug":', why: 'malformed JSON' },
    { status: 413, who: 'admin', body: `{"slug":"${'x'.repeat(2 * 1024 * 1024)}"}`, why: 'a body of 2 MiB' },
  ])('$status for $why', async ({ status, who, body = server }) => {
    const answer = await api(who === undefined ? undefined : tokens[who]).post('/servers', body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      status,
      title: expect.any(String) as string,
      detail: expect.stringMatching(/\w{3}/) as string,
    });
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|\bat .*\.[jt]s|node_modules/);
    if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(await names()).toEqual([]);
  });

  test.each([
    ['an expired token', { exp: 1 }, 'expired'],
    [
      'a token for another application',
      { aud: '00000000-0000-4000-8000-000000000000' },
      'another application',
    ],
    ['a token of an unknown tenant', { tid: '00000000-0000-4000-8000-000000000000' }, 'not valid'],
  ])('401 for %s', async (_, claims, words) => {
    const answer = await api(await topology.signWith(claims)).post('/servers', server);
    expect(answer).toMatchObject({ status: 401, body: { detail: expect.stringContaining(words) as string } });
    expect(await names()).toEqual([]);
  });
});

test('a server of one tenant does not exist for another tenant', async () => {
  const registered = await admin.post('/servers', { ...server, slug: 'ours' });
  const stranger = api(tokens['stranger']);
  const { href } = registered.body['plan'] as { href: string };
  for (const path of ['/servers/ours', href]) expect((await stranger.get(path)).status).toBe(404);
  expect((await stranger.delete('/servers/ours')).status).toBe(404);
  expect((await stranger.get('/servers')).body['items']).toEqual([]);
  expect((await stranger.post('/servers', { ...server, slug: 'ours' })).status).toBe(202);
  expect((await admin.delete('/servers/ours')).status).toBe(204);
  expect((await stranger.delete('/servers/ours')).status).toBe(204);
});

test('reading needs a role that may read, and a missing item is a 404 that names it', async () => {
  expect((await api(tokens['auditor']).get('/servers')).status).toBe(200);
  expect((await api(tokens['user']).get('/plans/x')).status).toBe(403);
  expect((await admin.get('/servers/unknown')).body).toMatchObject({
    status: 404,
    detail: expect.stringContaining('unknown') as string,
  });
  expect((await admin.get('/delegations/..%2F..%2Fx')).status).toBe(404);
  for (const id of ['%F0%9F%98%80', '%00', 'a%23b', '__proto__', 'x'.repeat(4_000)])
    expect((await admin.get(`/delegations/${id}`)).status).toBe(404);
});

describe('a request over the wire', () => {
  /** With header lines as they stand: Node sends a name that comes twice twice. */
  async function raw(origin: string, path: string, headers: readonly [name: string, value: string][]) {
    const { hostname, port } = new URL(origin);
    const sent = request({ hostname, port, path, setHost: false, headers: headers.flat() }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  }
  const apps = ['management', 'mcp'] as const;

  test.each(apps)('for another host is misdirected to the %s app, and health answers it', async (app) => {
    const origin = topology.urls[app];
    const { host, port } = new URL(origin);
    const authorization: [string, string] = ['authorization', `Bearer ${tokens['admin'] ?? ''}`];
    const path = app === 'mcp' ? '/.well-known/oauth-protected-resource/mcp' : '/servers';
    const statusUnder = async (name: string, at = path) =>
      (await raw(origin, at, [['host', name], authorization])).status;
    for (const own of [host, `localhost:${port}`, `[::1]:${port}`]) expect(await statusUnder(own)).toBe(200);
    for (const other of [
      'evil.example',
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      'localhost',
    ])
      expect(await statusUnder(other)).toBe(421);
    expect(await statusUnder('evil.example', '/nothing')).toBe(421);
    expect(await statusUnder('10.0.0.7', '/health')).toBe(200);
  });

  test.each(apps)('with two Authorization headers is a bad request to the %s app', async (app) => {
    const origin = topology.urls[app];
    const good = `Bearer ${tokens['admin'] ?? ''}`;
    for (const second of [good, 'Bearer x', 'Basic YTpi']) {
      const path = app === 'mcp' ? '/mcp' : '/servers';
      const { status, headers } = await raw(origin, path, [
        ['host', new URL(origin).host],
        ['authorization', good],
        ['authorization', second],
      ]);
      expect(status).toBe(400);
      expect(headers['www-authenticate']).toContain('error="invalid_request"');
    }
  });
});

test('both apps tell anyone that they are up, and tell nothing else', async () => {
  for (const url of [topology.urls.management, topology.urls.mcp]) {
    const response = await fetch(`${url}/health`);
    expect(await response.json()).toEqual({ status: 'up' });
  }
});

describe('the MCP endpoint', () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${topology.urls.mcp}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body,
    });

  test('sends a client without a token to the metadata that tells where to get one', async () => {
    const response = await post('{}');
    expect(response.status).toBe(401);
    const [, url = ''] =
      /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? [];
    const metadata = (await (await fetch(url)).json()) as {
      resource: string;
      authorization_servers: string[];
    };
    expect(metadata.resource).toBe(`${topology.urls.mcp}/mcp`);
    const discovery = await fetch(
      `${metadata.authorization_servers[0] ?? ''}/.well-known/openid-configuration`,
    );
    expect(await discovery.json()).toMatchObject({ issuer: metadata.authorization_servers[0] });
  });

  test.each([
    { body: '{"jsonrpc":', status: 400, code: -32700, why: 'malformed JSON' },
    { body: '[]', status: 400, code: -32600, why: 'a batch' },
    { body: '{"id":1}', status: 400, code: -32600, why: 'no JSON-RPC message' },
    { body: `"${'x'.repeat(2 * 1024 * 1024)}"`, status: 413, code: -31413, why: 'a body of 2 MiB' },
  ])('answers $why with $status and a JSON-RPC error', async ({ body, status, code }) => {
    const response = await post(body, { authorization: `Bearer ${tokens['user'] ?? ''}` });
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error: { code: number; message: string } };
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/\w{3}/);
  });
});
