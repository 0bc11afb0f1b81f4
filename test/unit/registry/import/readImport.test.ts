import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readImport } from '../../../../shared/registry/import/readImport.ts';
import { upstreamEntry } from '../../../support/fakeRegistry.ts';
import { serverJson } from '../../../support/serverJson.ts';

const url = 'https://mcp.example.com/mcp';
const canary = 'canary-9c1e';

async function read(document: unknown) {
  const result = await readImport(document);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
const server = serverJson();
const described = { tags: [], title: undefined, description: 'What is in stock' };

describe('a document', () => {
  test.each<[string, unknown, object]>([
    [
      'of VS Code',
      {
        inputs: [{ type: 'promptString', id: 'key', password: true }],
        servers: { stock: { type: 'http', url }, 'My Tools': { url, headers: {} } },
      },
      [
        { slug: 'stock', url },
        { slug: 'my-tools', url, title: 'My Tools' },
      ],
    ],
    ['of Claude', { mcpServers: { stock: { type: 'http', url } } }, [{ slug: 'stock', url }]],
    [
      'of Claude, by another word for it',
      { mcpServers: { a: { type: 'streamable-http', url } } },
      [{ slug: 'a', url }],
    ],
    ['of Cursor', { mcpServers: { stock: { url } } }, [{ slug: 'stock', url }]],
    ['that names no server', { mcpServers: {} }, []],
    ['that is a server.json', server, [{ slug: 'com-example-inventory', url, server, ...described }]],
    ['that is a list of them', [server], [{ slug: 'com-example-inventory', url, server, ...described }]],
    [
      'that is the answer of a registry',
      { servers: [upstreamEntry()], metadata: { count: 1 } },
      [{ slug: 'com-example-inventory', url, server, ...described }],
    ],
    [
      'that is one entry of a registry',
      upstreamEntry(),
      [{ slug: 'com-example-inventory', url, server, ...described }],
    ],
    ['of a registry that has nothing', { servers: [] }, []],
  ])('%s is read', async (_, document, registrations) => {
    expect(await read(document)).toEqual({ registrations, skipped: [] });
  });

  test.each<[unknown, string]>([
    [null, 'nothing'],
    ['https://example.com', 'text'],
    [7, 'a number'],
    [{}, 'no field that any has'],
    [{ servers: 'none' }, 'servers that are none'],
    [{ mcpServers: null }, 'servers that are none'],
    [{ openapi: '3.1.0', paths: {} }, 'another kind'],
  ])('%j is refused: %s', async (document) => {
    expect(await readImport(document)).toMatchObject({
      ok: false,
      error: { kind: 'invalid', errors: [{ path: 'document' }] },
    });
  });

  test('gives every server of it a place, in its order', async () => {
    const { registrations, skipped } = await read({
      servers: { b: { url }, local: { command: 'npx' }, a: { url }, old: { type: 'sse', url } },
    });
    expect(registrations.map(({ slug }) => slug)).toEqual(['b', 'a', 'old']);
    expect(skipped.map(({ name }) => name)).toEqual(['local']);
  });
});

describe('a server of a client’s configuration', () => {
  test.each<[string, unknown, RegExp]>([
    ['a program', { type: 'stdio', command: 'npx', args: ['-y', 'x'] }, /stdio/],
    ['a program without a type', { command: 'uvx', env: { API_KEY: canary } }, /stdio/],
    ['a transport that nobody knows', { type: canary, url }, /type that is not/],
    ['no url', { type: 'http' }, /no url/],
    [
      'a literal token',
      { url, headers: { Authorization: `Bearer ${canary}` } },
      /secret in the header Authorization/,
    ],
    [
      'a token in small letters',
      { url, headers: { authorization: canary } },
      /secret in the header authorization/,
    ],
    ['a key', { url, headers: { 'X-API-Key': canary } }, /secret in the header X-API-Key/],
    ['a cookie', { url, headers: { Cookie: canary } }, /secret/],
    ['a secret in the place of a name', { url, headers: { [`Bearer ${canary}`]: '' } }, /a header/],
    ['headers that are none', { url, headers: [canary] }, /headers that are not an object/],
    ['a header that is no text', { url, headers: { 'X-A': [canary] } }, /X-A whose value is not a text/],
    ['a token in a field', { url, bearer_token: canary }, /credential in bearer_token/],
    [
      'a token of a well-known form',
      { url, headers: { 'X-A': `Bearer ${canary}-${canary}` } },
      /secret in the header X-A/,
    ],
    ['a url that is no text', { url: 7 }, /url that is not a text/],
    ['a key in its url', { url: `${url}?api_key=${canary}` }, /secret in its url/],
    ['a function key in its url', { url: `${url}?code=${canary}` }, /secret in its url/],
    ['a password in its url', { url: `https://user:${canary}@mcp.example.com` }, /user name or password/],
    ['a placeholder in its url', { url: 'https://${input:host}/mcp' }, /placeholder/],
    ['a fragment', { url: `${url}#x` }, /fragment/],
    ['no web address', { url: `file:///${canary}` }, /https or http/],
    ['no address at all', { url: canary }, /absolute URL/],
    ['the address of the machine’s own secrets', { url: 'http://169.254.169.254/metadata' }, /reserved/],
    ['an endless url', { url: `https://mcp.example.com/${'x'.repeat(2048)}` }, /url/i],
    ['text', canary, /not an entry of an mcp.json/],
    ['nothing', null, /not an entry of an mcp.json/],
    ['a key that changes prototypes', JSON.parse(`{"url":"${url}","__proto__":{}}`), /__proto__/],
  ])('with %s is skipped, and says why without telling it', async (_, entry, reason) => {
    for (const document of [{ servers: { one: entry } }, { mcpServers: { one: entry } }]) {
      const { registrations, skipped } = await read(document);
      expect(registrations).toEqual([]);
      expect(skipped).toEqual([{ name: 'one', reason: expect.stringMatching(reason) as string }]);
      expect(JSON.stringify(skipped)).not.toContain(canary);
    }
  });

  test('may have headers that the gateway sends by itself', async () => {
    const headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
    expect((await read({ mcpServers: { a: { url, headers } } })).registrations).toEqual([{ slug: 'a', url }]);
  });

  test('has a title as long as a title may be', async () => {
    const [registration] = (await read({ servers: { [`${'📦'.repeat(60)}x`]: { url } } })).registrations;
    expect(registration?.title).toBe('📦'.repeat(50));
  });
});

describe('a server.json', () => {
  const remote = (more: object) => serverJson({ remotes: [{ type: 'streamable-http', url, ...more }] });

  test.each<[string, unknown, RegExp]>([
    ['in bad order', serverJson({ version: '^1.0.0' }), /server\.version must be a specific version/],
    [
      'without a remote',
      serverJson({ remotes: [] }),
      /server\.remotes has none of the type streamable-http or sse/,
    ],
    ['with packages alone', serverJson({ remotes: undefined }), /streamable-http/],
    [
      'with a template for a URL',
      remote({ url: 'https://{t}.example.com/mcp', variables: { t: {} } }),
      /placeholder/,
    ],
    [
      'with a literal token',
      remote({ headers: [{ name: 'Authorization', value: `Bearer ${canary}` }] }),
      /holds a secret/,
    ],
    [
      'with a literal secret',
      remote({ headers: [{ name: 'X', isSecret: true, value: canary }] }),
      /holds a secret/,
    ],
    [
      'with a secret default',
      remote({ headers: [{ name: 'X', isSecret: true, default: canary }] }),
      /holds a secret/,
    ],
    ['with a key in its URL', remote({ url: `${url}?key=${canary}` }), /secret in its URL/],
    ['that is deleted', upstreamEntry({}, { status: 'deleted' }), /deleted/],
  ])('%s is skipped, and says why without telling it', async (_, document, reason) => {
    const { registrations, skipped } = await read([document]);
    expect(registrations).toEqual([]);
    expect(skipped).toEqual([
      { name: 'com.example/inventory', reason: expect.stringMatching(reason) as string },
    ]);
    expect(JSON.stringify(skipped)).not.toContain(canary);
  });

  test.each<[string, object]>([
    ['repository: {}', { repository: {} }],
    ['a repository of empty texts', { repository: { url: '', source: '' } }],
    ['a repository without a source', { repository: { url: 'https://github.com/a/b', source: '' } }],
    ['nulls', { title: null, websiteUrl: null, icons: null, packages: null, repository: null, _meta: null }],
    ['empty texts', { title: '', websiteUrl: '' }],
    ['a null in a remote', { remotes: [{ type: 'streamable-http', url, headers: null, variables: null }] }],
    ['a null among the remotes', { remotes: [null, { type: 'streamable-http', url }] }],
  ])('with %s is taken as one without', async (_, more) => {
    const plain = serverJson({ remotes: [{ type: 'streamable-http', url }], title: undefined });
    const [registration] = (await read(serverJson({ ...plain, ...more }))).registrations;
    expect(registration?.server).toEqual(JSON.parse(JSON.stringify(plain)));
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    [
      'an old $schema',
      { $schema: 'https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json' },
    ],
    ['a remote twice', { remotes: [1, 2].map(() => ({ type: 'streamable-http', url })) }],
    ['sse alone', { remotes: [{ type: 'sse', url }] }],
    [
      'a template before a whole URL',
      {
        remotes: [
          { type: 'sse', url: 'https://{h}', variables: { h: {} } },
          { type: 'sse', url },
        ],
      },
    ],
    [
      "a null in the publisher's own data",
      { _meta: { 'io.modelcontextprotocol.registry/publisher-provided': { a: null } } },
    ],
  ])('with %s is taken as it is', async (_, more) => {
    const [registration] = (await read(serverJson(more))).registrations;
    expect(registration).toMatchObject({ url, server: more });
  });

  test('that asks each client for its token is taken', async () => {
    const headers = [{ name: 'Authorization', value: 'Bearer {token}', isSecret: true, isRequired: true }];
    expect((await read(remote({ headers }))).registrations).toHaveLength(1);
  });

  test('of which nobody can tell the name is told by its place', async () => {
    expect((await read([serverJson(), canary, { server: {} }])).skipped.map(({ name }) => name)).toEqual([
      '#2',
      '#3',
    ]);
  });

  test('brings no tags from elsewhere', async () => {
    const tagged = serverJson({ _meta: { 'mcp-registry-gateway/server': { tags: ['finance'] } } });
    expect((await read(tagged)).registrations[0]?.server?.['_meta']).toEqual({});
  });
});

describe('of several versions of a server', () => {
  const version = (of: string, official = {}) => upstreamEntry({ version: of }, official);

  test.each([
    [['1.0.0', '1.10.0', '1.9.0'].map((of) => version(of)), '1.10.0', 'the highest'],
    [[version('2.0.0', { status: 'deleted' }), version('1.0.0')], '1.0.0', 'the highest that is not deleted'],
    [
      [
        version('weekly', { publishedAt: '2025-02-01T00:00:00Z' }),
        version('nightly', { publishedAt: '2025-01-01T00:00:00Z' }),
      ],
      'weekly',
      'the last one published',
    ],
    [[version('1.0.0'), version('1.0.0')], '1.0.0', 'one of two that are alike'],
  ])('one is taken, and the others say so', async (servers, latest) => {
    const { registrations, skipped } = await read({ servers });
    expect(registrations.map(({ server }) => server?.['version'])).toEqual([latest]);
    expect(skipped).toHaveLength(servers.length - 1);
    for (const { reason } of skipped) expect(reason).toMatch(/another version/);
  });
});

test('a document of more servers than anybody means to import is refused before they are read', async () => {
  const many = Array.from({ length: 2_001 }, () => ({}));
  expect(await readImport(many)).toMatchObject({ ok: false, error: { kind: 'too_large' } });
});

test('others have a turn while a long document is read', async () => {
  const done = new AbortController();
  const reading = readImport(Array.from({ length: 500 }, () => serverJson())).finally(() => {
    done.abort();
  });
  let turns = 0;
  while (!done.signal.aborted) turns += await nextTurn(1);
  await reading;
  expect(turns).toBeGreaterThan(100);
});
