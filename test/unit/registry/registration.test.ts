import { describe, expect, test } from 'vitest';
import { registrationSchema } from '../../../shared/registry/records/server.ts';

// The texts of problems, which the management API gives.
import '../../../shared/platform/base/inputErrors.ts';

const remote = { type: 'streamable-http', url: 'https://mcp.example.com/mcp', headers: [{ name: 'X-Key' }] };
const server = {
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'com.example/inventory',
  description: 'What is in stock',
  title: 'Inventory',
  version: '1.2.0',
  remotes: [{ type: 'sse', url: 'https://mcp.example.com/sse' }, remote],
  'x-unknown': { kept: [1] },
};
const parse = (body: object) => registrationSchema.safeParse({ slug: 'inventory', ...body });
const problems = (body: object) =>
  parse(body).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('a registration', () => {
  test('by URL is taken as it is', () => {
    expect(parse({ url: 'https://mcp.example.com/mcp', title: ' Stock ' }).data).toMatchObject({
      url: 'https://mcp.example.com/mcp',
      title: 'Stock',
    });
  });

  test('by server.json takes its URL, title and description from there, and keeps every field', () => {
    expect(parse({ server }).data).toEqual({
      slug: 'inventory',
      url: remote.url,
      title: 'Inventory',
      description: 'What is in stock',
      tags: [],
      server,
    });
  });

  test('says its own title and description before those of the server.json', () => {
    expect(parse({ server, title: 'Ours', description: 'As we call it' }).data).toMatchObject({
      title: 'Ours',
      description: 'As we call it',
    });
  });

  test.each([
    [{}, 'url: give either url or server'],
    [{ url: remote.url, server }, 'url: give either url or server'],
    [{ server: { ...server, remotes: [] } }, 'server.remotes: has none of the type streamable-http or sse'],
    [
      { server: { ...server, name: 'no slash' } },
      'server.name: must be a reverse DNS name and a server name, with one slash',
    ],
    [
      { server: { ...server, 'x-long': 'x'.repeat(32_000) } },
      'server: is longer than 32000 characters of JSON',
    ],
    [
      { url: remote.url, upstream: { timeoutMs: 999_999, retries: 9, era: 'old', headers: {} } },
      'upstream.timeoutMs: must be at most 100000',
    ],
    [
      { url: remote.url, upstream: { headers: { 'X-Key': { credential: 'k' } } } },
      'upstream.headers.X-Key: Invalid key in record',
    ],
    [
      { url: remote.url, upstream: { headers: { 'mcp-session-id': { credential: 'k' } } } },
      'upstream.headers.mcp-session-id: Invalid key in record',
    ],
    [
      { url: remote.url, upstream: { headers: { authorization: 'Bearer secret' } } },
      'upstream.headers.authorization: must be an object, not a string',
    ],
    [
      { url: remote.url, upstream: { headers: { 'x-region': {} } } },
      'upstream.headers.x-region: must have either a credential of the settings or a literal value',
    ],
    [
      { url: remote.url, upstream: { headers: { 'x-region': { value: 'eu', credential: 'k' } } } },
      'upstream.headers.x-region: must have either a credential of the settings or a literal value',
    ],
    [
      { url: remote.url, upstream: { headers: { 'x-api-key': { value: 'eu' } } } },
      'upstream.headers.x-api-key.value: is a secret by the name of its header: name a credential of the settings instead',
    ],
    [
      { url: remote.url, upstream: { headers: { 'x-note': { value: 'Bearer abcdefghijklmnop' } } } },
      'upstream.headers.x-note.value: holds a secret: name a credential of the settings instead',
    ],
    ...[
      'https://svc:Passw0rd@proxy.corp/',
      'Server=db;Password=hunter2',
      'Basic dXNlcjpwYXNz',
      'api_key=1; token=2',
    ].map((value): [object, string] => [
      { url: remote.url, upstream: { headers: { 'x-note': { value } } } },
      'upstream.headers.x-note.value: holds a secret: name a credential of the settings instead',
    ]),
    ...['a\tb', 'a\nb', 'a\rb'].map((name): [object, string] => [
      { url: `https://a.example.com/mcp?${name}=x` },
      'url: must have no tabs, line breaks or other control characters',
    ]),
    ...['a\nb', 'a\r\nX-Evil: 1', ' a', 'a ', '', 'größe', 'a\u0000'].map((value): [object, string] => [
      { url: remote.url, upstream: { headers: { 'x-note': { value } } } },
      'upstream.headers.x-note.value: must be visible ASCII characters, with spaces between them only',
    ]),
    ...[
      'connection',
      'transfer-encoding',
      'host',
      'proxy-authorization',
      'mcp-protocol-version',
      'cookie',
      'expect',
      'range',
      'if-none-match',
      'mreg-own-check',
    ].map((name): [object, string] => [
      { url: remote.url, upstream: { headers: { [name]: { value: 'x' } } } },
      `upstream.headers.${name}: Invalid key in record`,
    ]),
    [{ url: remote.url, visibility: 'public' }, 'visibility: must be one of tenant, shared'],
  ])('%# is refused with a word on what to change', (body, problem) => {
    expect(problems(body)?.[0]).toBe(problem);
  });

  test.each([{}, { url: '', source: '' }])(
    'by a server.json with the repository %j has none',
    (repository) => {
      expect(parse({ server: { ...server, repository } }).data?.server).toEqual(server);
    },
  );

  test('by a server.json sends the fixed headers of its remote, which clients of the gateway do not', () => {
    const headers = [
      { name: 'X-Region', value: 'eu' },
      { name: 'X-Team', value: 'stock' },
      { name: 'X-User', value: '{user}', variables: { user: {} } },
      { name: 'X-Asked', isRequired: true },
      { name: 'Accept', value: '*/*' },
      { name: 'X-Odd', value: 'größe' },
    ];
    const described = { ...server, remotes: [{ ...remote, headers }] };
    const taken = { 'x-region': { value: 'eu' }, 'x-team': { value: 'stock' } };
    expect(parse({ server: described }).data).toMatchObject({ server: described });
    expect(parse({ server: described }).data?.upstream).toEqual({ headers: taken });
    const upstream = { retries: 2, headers: { 'x-team': { value: 'ours' } } };
    expect(parse({ server: described, upstream }).data?.upstream).toEqual({
      retries: 2,
      headers: { ...taken, ...upstream.headers },
    });
  });

  test('may have headers with literal values', () => {
    const upstream = { headers: { 'x-region': { value: 'eu west' }, 'x-key': { credential: 'k' } } };
    expect(parse({ url: remote.url, upstream }).data?.upstream).toEqual(upstream);
  });

  test.each([
    [['sse'], 'https://mcp.example.com/sse', 'the older transport alone'],
    [['sse', 'streamable-http'], 'https://mcp.example.com/streamable-http', 'Streamable HTTP before SSE'],
    [['template', 'sse'], 'https://mcp.example.com/sse', 'a whole URL before a template'],
  ])('by a server.json with the remotes %j calls %s: %s', (types, url) => {
    const remotes = types.map((type) =>
      type === 'template'
        ? { type: 'streamable-http', url: 'https://{host}/mcp', variables: { host: {} } }
        : { type, url: `https://mcp.example.com/${type}` },
    );
    expect(parse({ server: { ...server, remotes } }).data?.url).toBe(url);
  });
});
