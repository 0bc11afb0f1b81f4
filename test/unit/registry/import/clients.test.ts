import { describe, expect, test, vi } from 'vitest';
import { candidatesOf } from '../../../../shared/registry/import/documents.ts';
import { parseDocument, parseDocumentText } from '../../../../shared/registry/import/documentText.ts';
import { readImport } from '../../../../shared/registry/import/readImport.ts';

const url = 'https://mcp.example.com/mcp';
const stock = { slug: 'stock', url };
const canary = 'canary-9c1e';

async function read(document: unknown) {
  const result = await readImport(document);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
const readEntry = (entry: unknown) => read({ mcpServers: { stock: entry } });

describe('the servers of a client', () => {
  test.each<[string, unknown]>([
    ['Visual Studio Code', { inputs: [], servers: { stock: { type: 'http', url } } }],
    ['Visual Studio Code, in its settings', { mcp: { inputs: [], servers: { stock: { url } } }, editor: {} }],
    ['Claude Desktop', { mcpServers: { stock: { url } }, globalShortcut: '' }],
    ['Claude Code, of a project', { projects: { '/home/a': { mcpServers: { stock: { url } } } } }],
    [
      'Claude Code, of two projects',
      { projects: { a: { mcpServers: {} }, b: { mcpServers: { stock: { url } } } } },
    ],
    ['Codex', { model: 'x', mcp_servers: { stock: { url } } }],
    ['Amp', { 'amp.mcpServers': { stock: { url } } }],
    ['Zed', { theme: 'x', context_servers: { stock: { source: 'custom', url } } }],
    ['OpenCode 1', { mcp: { stock: { type: 'remote', url, enabled: true } } }],
    ['OpenCode 2', { mcp: { servers: { stock: { type: 'remote', url } } } }],
    [
      'Gemini, with its own settings',
      { mcp: { allowed: ['stock'] }, mcpServers: { stock: { httpUrl: url } } },
    ],
    ['a plugin, without a key around them', { stock: { type: 'http', url } }],
    ['an API, as a list', { mcp_servers: [{ type: 'url', name: 'stock', url }] }],
    ['a list alone', [{ name: 'stock', url }]],
    ['two keys, one of them empty', { servers: {}, mcpServers: { stock: { url } } }],
    ['two keys, in the other order', { mcpServers: {}, servers: { stock: { url } } }],
  ])('%s are read', async (_, document) => {
    expect(await read(document)).toEqual({ registrations: [stock], skipped: [] });
  });

  test('of two keys are all read', async () => {
    const { registrations } = await read({ servers: { a: { url } }, mcpServers: { b: { url: `${url}/b` } } });
    expect(registrations.map(({ slug }) => slug)).toEqual(['a', 'b']);
  });

  test('with one name in two projects are told apart, and the same one is taken once', async () => {
    const projects = [url, `${url}/2`, url, `${url}/3`].map((each) => ({
      mcpServers: { stock: { url: each } },
    }));
    const { registrations, skipped } = await read({ projects: Object.fromEntries(projects.entries()) });
    expect(registrations.map((each) => [each.slug, each.url])).toEqual([
      ['stock', url],
      ['stock-2', `${url}/2`],
      ['stock-3', `${url}/3`],
    ]);
    expect(skipped).toEqual([{ name: 'stock', reason: expect.stringMatching(/twice/) as string }]);
  });

  test('with one name in a list are told apart too', async () => {
    const list = [url, `${url}/2`].map((each) => ({ name: 'stock', url: each }));
    for (const document of [list, { mcp_servers: list }])
      expect((await read(document)).registrations.map(({ slug }) => slug)).toEqual(['stock', 'stock-2']);
  });

  test('with one name, whose numbers other servers have, are told apart in linear time', () => {
    const count = 300;
    const same = Array.from({ length: count }, (_, index) => ({ name: 'a', url: `${url}/${index}` }));
    const numbered = Array.from({ length: count }, (_, index) => ({ name: `a ${index + 2}`, url }));
    const lookUps = vi.spyOn(Set.prototype, 'has');
    const names = candidatesOf({ mcp_servers: [...same, ...numbered] })?.map(({ name }) => name);
    const used = lookUps.mock.calls.length;
    lookUps.mockRestore();
    expect(new Set(names).size).toBe(2 * count);
    expect(names?.slice(0, 3)).toEqual(['a', `a ${count + 2}`, `a ${count + 3}`]);
    expect(used).toBeLessThan(10 * count);
  });

  test('with one name are told apart also where an entry is too deep to be compared', async () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`);
    const projects = [deep, deep, {}].map((more) => ({ mcpServers: { stock: { url, more } } }));
    const { registrations, skipped } = await read({ projects: Object.fromEntries(projects.entries()) });
    expect(skipped.map(({ name }) => name)).toEqual(['stock', 'stock 2']);
    expect(registrations.map(({ slug }) => slug)).toEqual(['stock-3']);
  });

  test('that cannot be taken cost nobody else', async () => {
    const bad = { a: 5, b: 'x', c: null, d: { url: 7 }, e: { command: 'npx' }, f: [], g: { type: 'http' } };
    const { registrations, skipped } = await read({ mcpServers: { ...bad, stock: { url } } });
    expect(registrations).toEqual([stock]);
    expect(skipped.map(({ name }) => name)).toEqual(Object.keys(bad));
    for (const { reason } of skipped) expect(reason).not.toBe('');
  });
});

describe('an entry', () => {
  test.each<[string, object]>([
    ['Cursor', { url }],
    ['Windsurf', { serverUrl: url }],
    ['Gemini', { httpUrl: url, timeout: 5_000, trust: false }],
    ['Gemini, with the older transport beside it', { url: 'https://mcp.example.com/sse', httpUrl: url }],
    ['Cherry Studio', { type: 'streamableHttp', baseUrl: url, isActive: true }],
    ['Copilot', { type: 'http', url, tools: ['*'] }],
    ['the gallery of Visual Studio Code', { type: 'http', url, gallery: 'https://x.example', version: '1' }],
    ['Cline', { type: 'streamableHttp', url, disabled: false, autoApprove: [], timeout: 60 }],
    ['spaces around the url', { url: ` ${url} ` }],
    ['an empty command', { command: '', args: [], url }],
    ['headers that are null', { url, headers: null }],
    ...[
      'HTTP',
      'Http',
      'http',
      'sse',
      'SSE',
      'http+sse',
      'streamable-http',
      'streamable_http',
      'streamableHttp',
      'Streamable HTTP',
      'remote',
    ].map((type): [string, object] => [`the type ${type}`, { type, url }]),
    ['a transport', { transport: 'streamable-http', url }],
    ['a transport with the URL in it', { transport: { type: 'sse', url } }],
    ['a transportType', { transportType: 'sse', url }],
  ])('of %s is taken', async (_, entry) => {
    expect(await readEntry(entry)).toEqual({ registrations: [stock], skipped: [] });
  });

  test.each(['\t', '\n', '\r'])(
    'with a control character in its url, %j, hides no secret by it',
    async (hidden) => {
      const { registrations, skipped } = await readEntry({ url: `${url}?api${hidden}_key=${canary}` });
      expect([registrations, skipped[0]?.reason]).toEqual([[], expect.stringContaining('secret in its url')]);
      expect((await readEntry({ url: `${url}?a${hidden}=b` })).registrations).toEqual([
        { ...stock, url: `${url}?a=b` },
      ]);
    },
  );

  test.each([{ disabled: true }, { enabled: false }, { isActive: false }])(
    'with %j stays disabled',
    async (off) => {
      expect((await readEntry({ url, ...off })).registrations).toEqual([{ ...stock, disabled: true }]);
    },
  );

  test('gives its literal headers to the record, without those that the gateway sets', async () => {
    const headers = {
      'X-Region': 'eu',
      'X-Flag': true,
      Accept: '*/*',
      Host: 'x',
      'MCP-Protocol-Version': '1',
      Expect: '100-continue',
      Range: 'bytes=0-1',
      'If-None-Match': '*',
      'MREG-Own-Check': '1',
    };
    for (const field of ['headers', 'http_headers'])
      expect((await readEntry({ url, [field]: headers })).registrations).toEqual([
        { ...stock, upstream: { headers: { 'x-region': { value: 'eu' }, 'x-flag': { value: 'true' } } } },
      ]);
    const [registration] = (await readEntry({ url, requestInit: { headers: { 'X-A': 'b' } } })).registrations;
    expect(registration?.upstream).toEqual({ headers: { 'x-a': { value: 'b' } } });
  });

  test.each([
    '${input:key}',
    '${env:KEY}',
    '${KEY}',
    '${KEY:-none}',
    '{{KEY}}',
    '{{ secrets.KEY }}',
    '{env:KEY}',
    '{file:~/.key}',
    '$KEY',
    '%KEY%',
    '<your key>',
    'YOUR_API_KEY',
    'Bearer ${input:key}',
    'Bearer $KEY',
    'token {KEY}',
  ])('with the header %s has a placeholder, and no secret', async (value) => {
    for (const name of ['x-functions-key', 'Authorization']) {
      const { registrations, skipped } = await readEntry({ url, headers: { [name]: value } });
      expect(registrations).toEqual([]);
      expect(skipped[0]?.reason).toMatch(/placeholder in the header .*upstream\.headers/);
      expect(skipped[0]?.reason).not.toMatch(/secret/);
    }
  });

  test.each([{ env_http_headers: { 'X-Key': 'KEY' } }, { bearer_token_env_var: 'KEY' }])(
    'with %j has a header from an environment variable',
    async (more) => {
      expect((await readEntry({ url, ...more })).skipped[0]?.reason).toMatch(/environment variable/);
    },
  );

  test('does not hide a long literal behind a placeholder', async () => {
    const headers = { Authorization: `\${PREFIX}${canary}-0123456789abcdef` };
    const { skipped } = await readEntry({ url, headers });
    expect(skipped[0]?.reason).toMatch(/has a secret in the header Authorization/);
    expect(JSON.stringify(skipped)).not.toContain(canary);
  });
});

describe('a bridge', () => {
  test.each<[string, object]>([
    ['npx mcp-remote', { command: 'npx', args: ['mcp-remote', url] }],
    [
      'npx -y, a version and options',
      { command: 'npx', args: ['-y', 'mcp-remote@latest', url, '--transport', 'http-only'] },
    ],
    ['a port after the URL', { command: 'npx', args: ['-y', 'mcp-remote@0.1.38', url, '3334', '--debug'] }],
    [
      'options before the URL',
      { command: 'npx', args: ['mcp-remote', '--allow-http', '--host', 'localhost', url] },
    ],
    [
      'another URL as an option',
      { command: 'npx', args: ['mcp-remote', '--resource', 'https://x.example', url] },
    ],
    ['Windows', { command: 'cmd', args: ['/c', 'npx', '-y', 'mcp-remote', url] }],
    ['a shell', { command: 'bash', args: ['-c', `npx -y mcp-remote "${url}" --debug`] }],
    ['a file', { command: 'node', args: ['/opt/node_modules/mcp-remote/dist/proxy.js', url] }],
    ['a program of its own', { command: String.raw`C:\npm\mcp-remote.cmd`, args: [url] }],
    ['one list, as OpenCode has it', { type: 'local', command: ['npx', '-y', 'mcp-remote', url] }],
    ['an object, as Zed had it', { command: { path: 'npx', args: ['mcp-remote', url] } }],
    ['a scope', { command: 'npx', args: ['-y', '@geelen/mcp-remote@latest', url] }],
    ['the package apart', { command: 'npx', args: ['-p', 'mcp-remote@latest', 'mcp-remote-client', url] }],
    ['supergateway', { command: 'npx', args: ['-y', 'supergateway', '--streamableHttp', url] }],
    [
      'supergateway by SSE',
      { command: 'npx', args: ['-y', 'supergateway', '--sse', url, '--logLevel', 'none'] },
    ],
    ['supergateway with =', { command: 'npx', args: ['supergateway', `--sse=${url}`] }],
    ['mcp-proxy', { command: 'mcp-proxy', args: ['--transport', 'streamablehttp', url] }],
    ['an environment', { type: 'stdio', command: 'npx', args: ['mcp-remote', url], env: { TOKEN: canary } }],
  ])('with %s is taken by its URL', async (_, entry) => {
    expect(await readEntry(entry)).toEqual({ registrations: [stock], skipped: [] });
  });

  test.each<[string, object, RegExp]>([
    ['no URL', { command: 'npx', args: ['mcp-remote'] }, /stdio/],
    [
      'a program of its own to run',
      { command: 'npx', args: ['supergateway', '--stdio', `x ${url}`] },
      /stdio/,
    ],
    ['a program after mcp-proxy', { command: 'mcp-proxy', args: ['uvx', 'server', url] }, /stdio/],
    ['a name that only looks like one', { command: 'npx', args: ['my-mcp-remote', url] }, /stdio/],
    ['another program', { command: 'npx', args: ['server', 'https://example.com/mcp-remote'] }, /stdio/],
    [
      'a secret',
      { command: 'npx', args: ['mcp-remote', url, '--header', `Authorization: Bearer ${canary}`] },
      /has a secret/,
    ],
    [
      'a variable',
      { command: 'npx', args: ['mcp-remote', url, '--header', 'Authorization:${AUTH}'] },
      /placeholder/,
    ],
    [
      'a bearer token',
      { command: 'npx', args: ['supergateway', '--sse', url, '--oauth2Bearer', canary] },
      /has a secret/,
    ],
    ['a pair', { command: 'mcp-proxy', args: ['-H', 'Authorization', canary, url] }, /has a secret/],
    [
      'a secret in the URL',
      { command: 'npx', args: ['mcp-remote', `${url}?api_key=${canary}`] },
      /secret in its url/,
    ],
  ])('with %s is skipped, with the reason', async (_, entry, reason) => {
    const { registrations, skipped } = await readEntry(entry);
    expect(registrations).toEqual([]);
    expect(skipped[0]?.reason).toMatch(reason);
    expect(JSON.stringify(skipped)).not.toContain(canary);
  });

  test('gives its literal headers', async () => {
    const args = ['mcp-remote', url, '--header', 'X-Region: eu', '--header=X-Team: a:b'];
    expect((await readEntry({ command: 'npx', args })).registrations).toEqual([
      { ...stock, upstream: { headers: { 'x-region': { value: 'eu' }, 'x-team': { value: 'a:b' } } } },
    ]);
  });
});

describe('the text of a document', () => {
  const document = { servers: { stock: { type: 'http', url } } };
  const json = JSON.stringify(document);
  const commented = `{
  // our servers
  "servers": {
    /* stock */ "stock": { "type": "http", "url": "${url}", }, // "http://not-a-comment"
  },
}
`;
  const encoded = (text: string, encoding: 'utf8' | 'utf16le') => new Uint8Array(Buffer.from(text, encoding));

  test.each<[string, Uint8Array]>([
    ['JSON', encoded(json, 'utf8')],
    ['a byte order mark', encoded(`\ufeff${json}`, 'utf8')],
    ['UTF-16, as PowerShell writes it', encoded(`\ufeff${json}`, 'utf16le')],
    ['UTF-16 in the other order', encoded(`\ufeff${json}`, 'utf16le').map((_, at, all) => all[at ^ 1] ?? 0)],
    ['comments and trailing commas', encoded(commented, 'utf8')],
    ['comments after a byte order mark', encoded(`\ufeff${commented}`, 'utf8')],
    ['TOML', encoded(`[servers.stock]\ntype = "http" # stock\nurl = '${url}'\n`, 'utf8')],
    [
      'TOML with Windows line ends',
      encoded(`[servers]\r\nstock = { type = "http", url = "${url}" }\r\n`, 'utf8'),
    ],
  ])('in %s is read', (_, bytes) => {
    expect(parseDocument(bytes)).toEqual({ ok: true, value: document });
  });

  test('of Codex is read', async () => {
    const toml = `model = "x"\n[mcp_servers.stock]\nurl = "${url}"\nenabled = false\nhttp_headers = { "X-Region" = "eu" }\n
[mcp_servers.local]\ncommand = "npx"\nargs = ["-y", "server"]\n`;
    const { registrations, skipped } = await read(parseDocumentText(toml));
    expect(registrations).toEqual([
      { ...stock, disabled: true, upstream: { headers: { 'x-region': { value: 'eu' } } } },
    ]);
    expect(skipped.map(({ name }) => name)).toEqual(['local']);
  });

  test.each(['', '  \n', '<html>', 'canary', '{"a":', '[[', '{"a" 1}', '"'.repeat(99), 'a = 1\nb'])(
    '%j is in neither format',
    (text) => {
      const failed = parseDocument(encoded(text, 'utf8'));
      expect(failed).toMatchObject({ ok: false, error: { kind: 'invalid' } });
      expect(JSON.stringify(failed)).not.toContain('canary');
    },
  );

  test('in TOML has a bound', () => {
    const line = '# a comment\n';
    expect(parseDocumentText(line.repeat(20_000))).toEqual({});
    expect(parseDocumentText(line.repeat(30_000))).toBeUndefined();
  });

  test('of bytes that are no text is in neither format', () => {
    expect(parseDocument(new Uint8Array([0x7b, 0xff, 0x7d]))).toMatchObject({ ok: false });
  });

  test.each(['[', '{"a":', 'a.', '//', '/*', ',', '\\', '"'])('of a megabyte of %j ends soon', (piece) => {
    const startedAt = performance.now();
    parseDocumentText(piece.repeat(1_048_576 / piece.length));
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});
