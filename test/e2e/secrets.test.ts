import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import type { LineListener } from '../../infra/local/processGroup.ts';
import { type HandmadeUpstream, handmadeUpstream, json, openEvents } from '../support/handmadeUpstream.ts';
import { keptData } from '../support/keptData.ts';
import { post } from '../support/rawClient.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

/*
 * A canary goes in by each way that there is, everything is driven that shows, stores or logs something, and nobody finds the
 * canary anywhere but at the server that it is meant for.
 */

const KEY = 'canaryInUrl/+==';
const QUERY = `?code=${encodeURIComponent(KEY)}`;
const BULK_KEY = 'canaryInBulkUrl';
const STATIC = 'Bearer canaryStatic/with+slash==';
const TOKEN = 'canaryStatic/with+slash==';

/** Tells everybody what it was sent, in every way in which a server may. */
let echo: HandmadeUpstream;
let urls: string[];
let topology: TestTopology;
const lines: string[] = [];
const tokens: Record<string, string> = {};
const onLine: LineListener = (_name, _stream, line) => void lines.push(line);

beforeAll(async () => {
  urls = [];
  const told = (headers: object) => JSON.stringify({ headers, url: urls.at(-1) });
  const tools = (headers: object) => ({
    tools: [{ name: 'echo', description: told(headers), inputSchema: { type: 'object' } }],
  });
  echo = await handmadeUpstream(
    (response, { message: { id, params }, headers }) => {
      const { how } = (params?.['arguments'] ?? {}) as { how?: string };
      const text = told(headers);
      const result = { content: [{ type: 'text', text }], structuredContent: { headers, url: urls.at(-1) } };
      if (how === 'error')
        json(response, { jsonrpc: '2.0', id, error: { code: -32000, message: text, data: { headers } } });
      else if (how === 'escaped')
        json(
          response,
          JSON.stringify({ jsonrpc: '2.0', id, result }).replaceAll('/', '\\/').replaceAll('c', '\\u0063'),
        );
      else if (how === 'stream') {
        const whole = `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`;
        const cut = whole.indexOf('canaryStatic') + 5;
        openEvents(response);
        response.write(whole.slice(0, cut));
        setTimeout(() => response.end(whole.slice(cut)), 50);
      } else json(response, { jsonrpc: '2.0', id, result });
    },
    {
      'tools/list': (response, { message: { id }, headers }) => {
        json(response, { jsonrpc: '2.0', id, result: tools(headers) });
      },
    },
    (url) => void urls.push(url),
  );
  const credentials = { echo: { value: STATIC, origins: [new URL(echo.url).origin] } };
  topology = await startTestTopology({
    settings: { MREG_CREDENTIALS: JSON.stringify(credentials) },
    onLine,
  });
  for (const role of ['Admin', 'Operator', 'Auditor', 'User'] as const)
    tokens[role] = await topology.mint({ role });
}, 120_000);
afterAll(async () => {
  await topology.stop();
  await echo.close();
});

async function call(role: string, method: string, path: string, body?: object) {
  const response = await fetch(topology.urls.management + path, {
    method,
    headers: { authorization: `Bearer ${tokens[role] ?? ''}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    body: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>,
  };
}

/** What an MCP client of a user is answered, as text. */
async function ask(method: string, params: Record<string, unknown>, url = `${topology.urls.mcp}/mcp`) {
  const answer = await post(url, 'modern', method, params, {
    authorization: `Bearer ${tokens['User'] ?? ''}`,
  });
  return JSON.stringify(await answer.all());
}

const canaries = /canary(?:InUrl|InBulkUrl|Static)/;
const upstream = { headers: { authorization: { credential: 'echo' } } };

describe('a server with a key in its URL and a credential in its headers', () => {
  beforeAll(async () => {
    const registered = await call('Admin', 'POST', '/servers?wait=30', {
      slug: 'echo',
      url: echo.url + QUERY,
      upstream,
    });
    expect(registered.body).toMatchObject({ status: 'active' });
    const bulk = await call('Admin', 'POST', '/servers/bulk?wait=30', {
      servers: [{ slug: 'many', url: `${echo.url}?api_key=${BULK_KEY}`, upstream }],
    });
    expect(bulk.body['servers']).toMatchObject([{ slug: 'many', status: 'active' }]);
  });

  test('is called with both', () => {
    expect(urls).toContain(`/mcp${QUERY}`);
    expect(urls).toContain(`/mcp?api_key=${BULK_KEY}`);
    expect(echo.received.at(-1)?.headers.authorization).toBe(STATIC);
  });

  test('shows the URL with a marker to everybody', async () => {
    for (const role of ['Admin', 'Operator', 'Auditor', 'User'])
      expect((await call(role, 'GET', '/servers/echo')).body['url']).toBe(`${echo.url}?code=[hidden]`);
  });

  test('keeps the key when the marker comes back, and wants the key for any other URL', async () => {
    const { url } = (await call('Admin', 'GET', '/servers/echo')).body;
    const kept = await call('Admin', 'PUT', '/servers/echo?wait=30', { url, title: 'Echo', upstream });
    expect(kept.body).toMatchObject({ plan: { state: 'succeeded' } });
    expect(urls.at(-1)).toBe(`/mcp${QUERY}`);
    const moved = await call('Admin', 'PUT', '/servers/echo', {
      url: `${echo.url}/other?code=[hidden]`,
      upstream,
    });
    expect(moved).toMatchObject({ status: 400, body: { errors: [{ path: 'url' }] } });
    const fresh = await call('Admin', 'POST', '/servers', { slug: 'fresh', url });
    expect(fresh).toMatchObject({ status: 400, body: { errors: [{ path: 'url' }] } });
  });

  test('cannot be shared, since its key would then be in the registry of others', async () => {
    const shared = await call('Admin', 'POST', '/servers', {
      slug: 'shared',
      url: echo.url + QUERY,
      visibility: 'shared',
    });
    expect(shared.status).toBe(400);
    expect(shared.text).toMatch(/secret \(code\).*credential/);
    expect(shared.text).not.toMatch(canaries);
  });

  test.each(['plain', 'error', 'escaped', 'stream'])('tells no caller what it echoes: %s', async (how) => {
    for (const url of [`${topology.urls.mcp}/mcp`, `${topology.urls.mcp}/servers/echo/mcp`]) {
      const name = url.includes('/servers/') ? 'echo' : 'echo__echo';
      const text = await ask('tools/call', { name, arguments: { how } }, url);
      expect(text).toContain('[redacted]');
      expect(text).not.toMatch(canaries);
      expect(text).not.toContain('\\u0063anaryStatic');
    }
  });

  test('is in no answer, no audit record and no evidence', async () => {
    const paths = [
      ...[
        '/servers',
        '/servers?search=echo',
        '/servers/echo',
        '/servers/export',
        '/plans',
        '/delegations',
        '/audit',
      ],
      ...[
        '/v0.1/servers',
        '/v0.1/servers?search=echo',
        '/agents',
        '/health/components',
        '/toolsets',
        '/events',
      ],
    ];
    const { body } = await call('Admin', 'GET', '/plans?limit=100');
    for (const { id } of body['items'] as { id: string }[]) paths.push(`/plans/${id}`);
    for (const path of paths)
      for (const role of ['Admin', 'Operator', 'Auditor', 'User']) {
        const { text } = await call(role, 'GET', path);
        expect(text, `${role} ${path}`).not.toMatch(canaries);
      }
    for (const task of ['specification_compliance', 'json_rpc_optimization', 'capability_negotiation']) {
      const { text } = await call('Operator', 'POST', '/delegations?wait=30', {
        taskType: task,
        input: { slug: 'echo' },
      });
      const { id } = JSON.parse(text) as { id?: string };
      const done = await call('Operator', 'GET', `/delegations/${id ?? ''}?wait=30`);
      expect(done.text, task).not.toMatch(canaries);
    }
  }, 120_000);

  test('is in no list of an MCP client', async () => {
    const listed = await ask('tools/list', {});
    expect(listed).toContain('echo__echo');
    expect(listed).not.toMatch(canaries);
    const own = await ask('tools/call', { name: 'gateway__list_servers', arguments: {} });
    expect(own).toContain('[hidden]');
    expect(own).not.toMatch(canaries);
  });
});

describe('a literal secret in a server.json', () => {
  const remote = (more: object) => ({
    name: 'com.example/secret',
    description: 'x',
    version: '1.0.0',
    remotes: [{ type: 'streamable-http', url: 'https://mcp.example.com/mcp', ...more }],
  });
  const header = remote({ headers: [{ name: 'Authorization', value: 'Bearer canaryStatic' }] });

  test.each([
    {
      method: 'POST',
      path: '/servers',
      body: { slug: 'literal', server: header },
      at: 'server.remotes.0.headers.0.value',
    },
    {
      method: 'PUT',
      path: '/servers/echo',
      body: { server: header },
      at: 'server.remotes.0.headers.0.value',
    },
    { method: 'POST', path: '/v0.1/publish', body: header, at: 'remotes.0.headers.0.value' },
    {
      method: 'POST',
      path: '/v0.1/publish',
      body: remote({ url: 'https://mcp.example.com/mcp?code=canaryInUrl' }),
      at: 'remotes.0.url',
    },
    {
      method: 'PUT',
      path: '/v0.1/servers/com.example%2Fsecret/versions/1.0.0',
      body: header,
      at: 'remotes.0.headers.0.value',
    },
  ])('is refused at $method $path, which names $at', async ({ method, path, body, at }) => {
    const refused = await call('Admin', method, path, body);
    expect(refused.status).toBe(400);
    expect(refused.body['errors']).toEqual([
      { path: at, message: expect.stringMatching(/secret.*\{token\}.*credential/) as string },
    ]);
    expect(refused.text).not.toMatch(canaries);
  });

  test.each(['/servers/bulk?wait=10', '/servers/import?wait=10'])('is refused by %s', async (path) => {
    const body = path.includes('bulk')
      ? { servers: [{ slug: 'literal', server: header }] }
      : { document: header };
    const { body: answer, text } = await call('Admin', 'POST', path, body);
    expect(answer['servers']).toMatchObject([{ status: 'refused' }]);
    expect(text).not.toMatch(canaries);
  });

  test('is a placeholder where each client has a value of its own', async () => {
    const headers = [
      { name: 'Authorization', value: 'Bearer {token}', variables: { token: { isSecret: true } } },
    ];
    expect((await call('Admin', 'POST', '/v0.1/publish', remote({ headers }))).status).toBe(200);
  });
});

test('the token of a session is kept sealed', async () => {
  const opened = await call('Admin', 'POST', '/sessions', { keepToken: true });
  const id = String(opened.body['id']);
  const kept = (await keptData(topology)).filter((text) => text.includes(id));
  expect(kept.join()).toContain(`mreg:auth:${id}`);
  for (const part of (tokens['Admin'] ?? '').split('.')) expect(kept.join()).not.toContain(part);
});

describe('the metadata of an endpoint', () => {
  const metadata = async (path: string) => {
    const response = await fetch(`${topology.urls.mcp}/.well-known/oauth-protected-resource${path}`);
    return (await response.json()) as { resource: string; authorization_servers: string[] };
  };

  test('names the gateway and one authority: of the first tenant, or of the tenant that its reader names', async () => {
    const own = await metadata('/mcp');
    expect(own.authorization_servers).toEqual([
      topology.urls.mcp,
      expect.stringContaining(topology.urls.issuer),
    ]);
    expect(JSON.stringify(own)).not.toContain(secondTenant);
    const nobody = '12345678-1234-4234-8234-123456789012';
    for (const tenant of [secondTenant, nobody])
      expect(await metadata(`/mcp?tenant=${tenant}`)).toMatchObject({
        resource: `${topology.urls.mcp}/mcp?tenant=${tenant}`,
        scopes_supported: [`${topology.urls.mcp}/mcp?tenant=${tenant}/mcp.access`],
        authorization_servers: [topology.urls.mcp, `${topology.urls.issuer}/${tenant}/v2.0`],
      });
  });

  test('is found by people of another tenant from the URL that they use', async () => {
    const url = `${topology.urls.mcp}/mcp?tenant=${secondTenant}`;
    const refused = await fetch(url, { method: 'POST', body: '{}' });
    const [, found = ''] =
      /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '') ?? [];
    expect(await (await fetch(found)).json()).toMatchObject({ resource: url });
    const token = await topology.mint({ role: 'User', tenant: secondTenant });
    const listed = await post(url, 'modern', 'tools/list', {}, { authorization: `Bearer ${token}` });
    expect(listed.status).toBe(200);
  });

  test('is all that tells of a tenant: tasks tell another tenant of itself alone', async () => {
    const token = await topology.mint({ role: 'Admin', tenant: secondTenant });
    const first = (await metadata('/mcp')).authorization_servers[1]?.split('/').at(-2) ?? 'nothing';
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    for (const [agent, task] of [
      ['mcp-security-auditor', 'azure_oauth_setup'],
      ['mcp-security-auditor', 'azure_oauth_validation'],
      ['mcp-security-auditor', 'validate_azure_connectivity'],
      ['mcp-security-auditor', 'generate_security_report'],
      ['mcp-deployment-specialist', 'azure_app_registration_validation'],
    ]) {
      tokens['Other'] = token;
      const { body, text } = await call('Other', 'POST', '/delegations?wait=30', { agent, task });
      const { id } = body as { id?: string };
      // Some are for the first tenant alone.
      if (id === undefined) expect(text, task).toMatch(/forbidden|permission/i);
      else {
        const done = await call('Other', 'GET', `/delegations/${id}?wait=30`);
        expect(done.text, task).not.toContain(first);
      }
    }
  }, 120_000);
});

test('no canary is in what is kept or logged', async () => {
  const kept = await keptData(topology);
  expect(kept.filter((text) => text.includes('echo')).length).toBeGreaterThan(0);
  expect(kept.filter((text) => canaries.test(text))).toEqual([]);
  expect(kept.filter((text) => text.includes(TOKEN))).toEqual([]);
  expect(lines.filter((line) => canaries.test(line))).toEqual([]);
});
