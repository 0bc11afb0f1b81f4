import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { startLegacyServer } from '../../infra/local/demo/legacyServer.ts';
import { startModernServer } from '../../infra/local/demo/modernServer.ts';
import { discoverServer, type Known } from '../../shared/gateway/catalogue/discovery.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { packedLength } from '../../shared/platform/tables/tableDocument.ts';
import { type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { MODERN } from '../support/rawClient.ts';

const outbound = openOutboundClient('private_allowed');
const at = new Date('2026-01-02T03:04:05.000Z');
const discover = (url: string, signal = AbortSignal.timeout(10_000), known?: Known) =>
  discoverServer(
    { tenantId: 't1', url },
    { outboundTo: () => outbound, clock: { now: () => at } },
    signal,
    known,
  );

type Replies = NonNullable<Parameters<typeof handmadeUpstream>[1]>;
const open: HandmadeUpstream[] = [];
async function upstream(replies: Replies): Promise<HandmadeUpstream> {
  const made = await handmadeUpstream(() => undefined, replies);
  open.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(() => outbound.close());

/** Answers one method with a result, or with an error when it has a code. */
const say =
  (answer: object, status = 200): Replies[string] =>
  (response, { message }) => {
    const outcome = 'code' in answer ? { error: { message: 'm', ...answer } } : { result: answer };
    json(response, { jsonrpc: '2.0', id: message.id, ...outcome }, status);
  };
const modern = say({
  resultType: 'complete',
  supportedVersions: [MODERN],
  capabilities: { tools: {} },
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'made', version: '3', 'acme/x': 1 } },
});
const noMethod = say({ code: -32601 });
const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more });
const list = (...tools: object[]) => say({ tools });

describe('a real server', () => {
  test('of the legacy era is found, and its session ended', async () => {
    const server = await startLegacyServer({ port: 0 });
    const found = await discover(server.url);
    expect(found).toMatchObject({
      ok: true,
      value: {
        era: 'legacy',
        protocolVersion: '2025-11-25',
        serverInfo: { name: 'demo-inventory', version: '1.0.0' },
        tools: [{ name: 'search_items' }, { name: 'get_item' }, { name: 'count_slowly' }],
        discoveredAt: at.toISOString(),
      },
    });
    await server.close();
  });

  test('of the modern era is found', async () => {
    const server = await startModernServer({ port: 0 });
    expect(await discover(server.url)).toMatchObject({
      ok: true,
      value: {
        era: 'modern',
        protocolVersion: MODERN,
        serverInfo: { name: 'demo-workbench' },
        instructions: 'Converts units, rolls dice and writes reports.',
        tools: [{ name: 'convert_units' }, { name: 'roll_dice' }, { name: 'stream_report' }],
      },
    });
    await server.close();
  });
});

describe('the era', () => {
  test.each<{ why: string; probe: Replies[string]; era: string }>([
    { why: 'a discover result', probe: modern, era: 'modern' },
    { why: 'a method that is not there', probe: noMethod, era: 'legacy' },
    { why: 'a 400 without a modern error', probe: say({ code: -32000 }, 400), era: 'legacy' },
    { why: 'a 404 without a body', probe: (response) => response.writeHead(404).end(), era: 'legacy' },
    {
      why: 'a page',
      probe: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(),
      era: 'legacy',
    },
    { why: 'a result of another shape', probe: say({ hello: 1 }), era: 'legacy' },
    { why: 'a 500', probe: (response) => response.writeHead(500).end(), era: 'legacy' },
    { why: 'a 500 with a JSON-RPC error', probe: say({ code: -32603 }, 500), era: 'legacy' },
    { why: 'a 501', probe: (response) => response.writeHead(501).end(), era: 'legacy' },
    { why: 'a 405', probe: (response) => response.writeHead(405).end(), era: 'legacy' },
    { why: 'an empty 202', probe: (response) => response.writeHead(202).end(), era: 'legacy' },
    { why: 'a broken connection', probe: (response) => response.destroy(), era: 'legacy' },
    {
      why: 'bytes that are no HTTP',
      probe: (response) => response.socket?.end('hello\r\n\r\n'),
      era: 'legacy',
    },
    {
      why: 'JSON that breaks off',
      probe: (response) => {
        json(response, '{"jsonrpc":');
      },
      era: 'legacy',
    },
    {
      why: 'a stream without an answer',
      probe: (response) => {
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end('data: {"type":"heartbeat"}\n\n');
      },
      era: 'legacy',
    },
    {
      why: 'a modern error without an id that offers legacy versions',
      probe: (response) => {
        const error = { code: -32022, message: 'no', data: { supported: ['2025-06-18'] } };
        json(response, { jsonrpc: '2.0', id: null, error }, 400);
      },
      era: 'legacy',
    },
    {
      why: 'a modern error that offers legacy versions',
      probe: say({ code: -32022, data: { supported: ['2025-06-18'] } }, 400),
      era: 'legacy',
    },
  ])('is $era after $why', async ({ probe, era }) => {
    const made = await upstream({ 'server/discover': probe, 'tools/list': list(tool('a')) });
    expect(await discover(made.url)).toMatchObject({ ok: true, value: { era, tools: [{ name: 'a' }] } });
  });

  test.each<{ why: string; probe: Replies[string]; kind: string; says: RegExp }>([
    {
      why: 'a 401',
      probe: say({ code: -32001 }, 401),
      kind: 'invalid',
      says: /HTTP 401: it wants credentials/,
    },
    {
      why: 'a 403',
      probe: say({ code: -32001 }, 403),
      kind: 'invalid',
      says: /HTTP 403: it wants credentials/,
    },
    {
      why: 'a redirect to another origin',
      probe: (response) => response.writeHead(308, { location: 'https://other.example/mcp?key=1' }).end(),
      kind: 'invalid',
      says: /a redirect to https:\/\/other\.example, which .* "Location: https:\/\/other\.example\/mcp"\. Register the URL/,
    },
    {
      why: 'a redirect that drops the body',
      probe: (response) => response.writeHead(302, { location: '/login' }).end(),
      kind: 'invalid',
      says: /HTTP 302, a redirect to http:.*\/login"/,
    },
    {
      why: 'a 401 with a reason',
      probe: (response) => {
        json(response, { error: 'invalid_token', error_description: 'The token\nhas expired.' }, 401);
      },
      kind: 'invalid',
      says: /HTTP 401.* It says: "The token has expired\."\. It needs sign-in: name a credential in upstream\.headers/,
    },
    {
      why: 'a 401 with a long text and characters that cannot be shown',
      probe: (response) => {
        const text = `No\u0000\u001b[31m\u202e way\r\n${'x'.repeat(5_000)}`;
        response.writeHead(401, { 'content-type': 'text/plain' }).end(text);
      },
      kind: 'invalid',
      says: /It says: "No \[31m wayx* ?x{100,200}"\. It needs/,
    },
    {
      why: 'a 401 with a page',
      probe: (response) =>
        response.writeHead(401, { 'content-type': 'text/plain' }).end('<html>Sign in</html>'),
      kind: 'invalid',
      says: /does not have\. It needs sign-in/,
    },
    {
      why: 'a 403 with a JSON-RPC error',
      probe: say({ code: -32000, message: 'Only for members.' }, 403),
      kind: 'invalid',
      says: /HTTP 403.* It says: "Only for members\."/,
    },
    {
      why: 'a version of tomorrow alone',
      probe: say({ code: -32022, data: { supported: ['2027-01-01'] } }, 400),
      kind: 'invalid',
      says: /no protocol version that the gateway knows/,
    },
    { why: 'a modern refusal', probe: say({ code: -32021 }, 400), kind: 'invalid', says: /error -32021/ },
  ])('is not decided by $why', async ({ probe, kind, says }) => {
    const made = await upstream({ 'server/discover': probe, 'tools/list': list(tool('a')) });
    expect(await discover(made.url)).toMatchObject({
      ok: false,
      error: { kind, message: expect.stringMatching(says) as string },
    });
    expect(made.received.map(({ message }) => message.method)).toEqual(['server/discover']);
  });

  test('is legacy when the probe has no answer within five seconds', async () => {
    const made = await upstream({ 'server/discover': () => undefined, 'tools/list': list(tool('a')) });
    expect(await discover(made.url)).toMatchObject({ ok: true, value: { era: 'legacy' } });
  }, 15_000);

  test('is modern when the server answers the second probe, after it refused initialize', async () => {
    let probes = 0;
    const made = await upstream({
      'server/discover': (response, received) => {
        probes += 1;
        if (probes > 1) modern(response, received);
      },
      initialize: noMethod,
      'tools/list': list(tool('a')),
    });
    expect(await discover(made.url)).toMatchObject({ ok: true, value: { era: 'modern' } });
  }, 15_000);

  test('is not found when nothing is answered well, and the reason says what was tried', async () => {
    const made = await upstream({
      'server/discover': (response) => response.writeHead(500).end(),
      initialize: (response) =>
        response.writeHead(404, { 'content-type': 'text/plain' }).end('Nothing here.'),
      GET: (response) => response.writeHead(405).end(),
    });
    const found = await discover(made.url);
    expect(found).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(!found.ok && found.error.message).toBe(
      'The server answered HTTP 404. It says: "Nothing here.". Does the URL end in the path of its MCP endpoint, often /mcp? ' +
        'Tried: server/discover (answered HTTP 500), initialize (answered HTTP 404), the HTTP+SSE transport (answered HTTP 405).',
    );
  });

  test.each<{ why: string; refuse: Replies[string]; agreed: string }>([
    {
      why: 'data',
      refuse: say({
        code: -32602,
        message: 'Unsupported',
        data: { supported: ['2025-03-26', '2024-11-05'] },
      }),
      agreed: '2025-03-26',
    },
    { why: 'its text', refuse: say({ code: -32600, message: 'Use 2024-11-05.' }, 400), agreed: '2024-11-05' },
  ])(
    'is legacy in an older revision that a refusal of the newest names in $why',
    async ({ refuse, agreed }) => {
      const made = await upstream({
        'server/discover': noMethod,
        initialize: (response, received) => {
          const asked = received.message.params?.['protocolVersion'];
          if (asked !== agreed) refuse(response, received);
          else
            say({ protocolVersion: agreed, capabilities: { tools: {} }, serverInfo: {} })(response, received);
        },
        'tools/list': list(tool('a')),
      });
      expect(await discover(made.url)).toMatchObject({ ok: true, value: { protocolVersion: agreed } });
    },
  );

  test.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
    'is legacy in the revision %s',
    async (protocolVersion) => {
      const made = await upstream({
        'server/discover': noMethod,
        initialize: say({ protocolVersion, capabilities: { tools: {} }, serverInfo: {} }),
        'tools/list': list(tool('a')),
      });
      expect(await discover(made.url)).toMatchObject({ ok: true, value: { protocolVersion } });
      expect(made.received.at(-1)?.headers['mcp-protocol-version']).toBe(protocolVersion);
    },
  );

  test('is asked for in a version that it names itself, once more', async () => {
    let refusals = 1;
    const refuse = say({ code: -32022, data: { supported: [MODERN] } }, 400);
    const made = await upstream({
      'server/discover': (response, received) => {
        (refusals-- > 0 ? refuse : modern)(response, received);
      },
      'tools/list': list(tool('a')),
    });
    expect(await discover(made.url)).toMatchObject({ ok: true, value: { era: 'modern' } });
    const stubborn = await upstream({ 'server/discover': refuse });
    expect(await discover(stubborn.url)).toMatchObject({
      ok: false,
      error: { kind: 'invalid', message: expect.stringContaining('and refuses it') as string },
    });
    expect(stubborn.received).toHaveLength(2);
  });

  test('is not decided by silence: the caller stops waiting', async () => {
    const stop = new AbortController();
    const made = await upstream({
      'server/discover': () => {
        stop.abort();
      },
    });
    expect(await discover(made.url, stop.signal)).toMatchObject({
      ok: false,
      error: { kind: 'timeout', message: expect.stringContaining('did not answer in time') as string },
    });
  });
});

describe('the tools', () => {
  test('of all pages are found, with every field', async () => {
    const made = await upstream({
      'server/discover': modern,
      'tools/list': (response, received) => {
        const cursor = received.message.params?.['cursor'];
        const page =
          cursor === undefined
            ? { tools: [tool('a')], nextCursor: '' }
            : { tools: [tool('b', { 'acme/x': [1] })] };
        say(page)(response, received);
      },
    });
    expect(await discover(made.url)).toMatchObject({
      ok: true,
      value: {
        serverInfo: { name: 'made', version: '3', 'acme/x': 1 },
        tools: [tool('a'), tool('b', { 'acme/x': [1] })],
      },
    });
  });

  test('are none where the server offers none, and nobody asks for them', async () => {
    const made = await upstream({
      'server/discover': say({ supportedVersions: [MODERN], capabilities: { logging: {} } }),
    });
    expect(await discover(made.url)).toMatchObject({ ok: true, value: { tools: [] } });
    expect(made.received).toHaveLength(1);
  });

  test.each<{ why: string; tools: Replies[string]; says: RegExp }>([
    { why: 'no list', tools: say({ tools: 'none' }), says: /without a list/ },
    { why: 'a map of tools', tools: say({ tools: { a: tool('a') } }), says: /without a list/ },
    { why: 'an error', tools: noMethod, says: /tools\/list with the error -32601/ },
  ])('are refused when they are $why', async ({ tools, says }) => {
    const made = await upstream({ 'server/discover': noMethod, 'tools/list': tools });
    expect(await discover(made.url)).toMatchObject({
      ok: false,
      error: { kind: 'invalid', message: expect.stringMatching(says) as string },
    });
    // The session is ended all the same.
    expect(made.received.at(-1)).toMatchObject({
      method: 'DELETE',
      headers: { 'mcp-session-id': 'session-1' },
    });
  });

  const deep = (levels: number): object => (levels === 0 ? {} : { properties: deep(levels - 1) });
  test.each<{ why: string; odd: unknown; says: object }>([
    {
      why: 'a schema of 65 levels',
      odd: { name: 'a', inputSchema: deep(63) },
      says: { item: 'a', reason: expect.stringContaining('nested deeper than 64') as string },
    },
    { why: 'no name', odd: { inputSchema: {} }, says: { item: 'item 1', reason: 'has no name' } },
    { why: 'null', odd: null, says: { item: 'item 1', reason: 'is not an object' } },
    {
      why: 'a name of 129 characters',
      odd: tool('x'.repeat(129)),
      says: { item: 'x'.repeat(128), reason: expect.stringContaining('128 characters') as string },
    },
    {
      why: 'the same name with another definition',
      odd: tool('good', { description: 'other' }),
      says: { item: 'good', reason: expect.stringContaining('more than once') as string },
    },
    {
      why: 'a call that is always a task',
      odd: tool('a', { execution: { taskSupport: 'required' } }),
      says: { item: 'a', reason: expect.stringContaining('as a task') as string },
    },
  ])('are offered but for one with $why, which the record names', async ({ odd, says }) => {
    const made = await upstream({
      'server/discover': noMethod,
      'tools/list': list(odd as object, tool('good', { description: 'first' }), tool('also')),
    });
    const found = await discover(made.url);
    expect(found).toMatchObject({ ok: true, value: { leftOut: [{ list: 'tools', ...says }] } });
    expect(found.ok && found.value.tools.map(({ name }) => name)).toContain('also');
  });

  test('of many odd items keep a bounded list of reasons', async () => {
    const odd = Array.from({ length: 150 }, () => ({}));
    const made = await upstream({ 'server/discover': noMethod, 'tools/list': list(...odd, tool('good')) });
    const found = await discover(made.url);
    expect(found).toMatchObject({ ok: true, value: { tools: [{ name: 'good' }] } });
    expect(found.ok && found.value.leftOut?.length).toBe(101);
    expect(found.ok && found.value.leftOut?.at(-1)?.reason).toMatch(/50 more/);
  });

  test('of a field that means nothing stay, without that field', async () => {
    const made = await upstream({
      'server/discover': noMethod,
      'tools/list': list(tool('a', { icons: 7, title: 'A' })),
    });
    expect(await discover(made.url)).toMatchObject({
      ok: true,
      value: {
        tools: [{ name: 'a', title: 'A', inputSchema: { type: 'object' } }],
        leftOut: [{ list: 'tools', item: 'a', field: 'icons' }],
      },
    });
  });

  test.each<{ why: string; era: 'legacy' | 'modern'; cursors: unknown[]; pages: number }>([
    { why: 'an empty cursor, for 2025', era: 'legacy', cursors: [''], pages: 1 },
    { why: 'an empty cursor that comes again, for 2026', era: 'modern', cursors: ['', ''], pages: 2 },
    { why: 'null', era: 'legacy', cursors: [null], pages: 1 },
    { why: 'the cursor of the page itself', era: 'legacy', cursors: ['b', 'b', 'b'], pages: 2 },
    { why: 'a cursor of an earlier page', era: 'legacy', cursors: ['b', 'c', 'b'], pages: 3 },
    { why: 'no more cursor after numbers', era: 'legacy', cursors: [1, 2, undefined], pages: 3 },
  ])('end with $why', async ({ era, cursors, pages }) => {
    let asked = 0;
    const made = await upstream({
      'server/discover': era === 'modern' ? modern : noMethod,
      'tools/list': (response, received) => {
        if (received.message.params?.['cursor'] === undefined) asked = 0;
        const index = Math.min(asked, cursors.length - 1);
        asked += 1;
        say({ tools: [tool(`t${index}`)], nextCursor: cursors[index] })(response, received);
      },
    });
    const found = await discover(made.url);
    expect(found.ok && found.value.tools).toHaveLength(pages);
    expect(found).not.toHaveProperty('value.leftOut');
  });

  test('end when a page brings nothing new, whatever its cursor says', async () => {
    let asked = 0;
    const made = await upstream({
      'server/discover': noMethod,
      'tools/list': (response, received) => {
        asked += 1;
        say({ tools: [tool('a')], nextCursor: `cursor-${asked}` })(response, received);
      },
    });
    expect(await discover(made.url)).toMatchObject({ ok: true, value: { tools: [{ name: 'a' }] } });
    expect(asked).toBeLessThan(6);
  });

  test('of 5,000 and of some MB are taken', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) =>
      tool(`t${index}`, { description: `Does number ${index}. ${'It is well described. '.repeat(20)}` }),
    );
    const made = await upstream({
      'server/discover': modern,
      'tools/list': (response, received) => {
        const at = Number(received.message.params?.['cursor'] ?? 0);
        const next = at + 1_000 < many.length ? { nextCursor: String(at + 1_000) } : {};
        say({ tools: many.slice(at, at + 1_000), ...next })(response, received);
      },
    });
    const found = await discover(made.url);
    expect(found.ok && found.value.tools.length).toBe(5_000);
    expect(JSON.stringify(found).length).toBeGreaterThan(2_000_000);
    expect(found).not.toHaveProperty('value.leftOut');
  });

  test.each<{ why: string; item: (index: number) => object; says: RegExp }>([
    { why: '10,000', item: (index) => tool(`t${index}`), says: /more than 10000 items/ },
    {
      why: 'a record has room for',
      item: (index) =>
        tool(`t${index}`, { icons: [{ src: `data:,${randomBytes(6_000).toString('base64')}` }] }),
      says: /more than a record has room for/,
    },
  ])('of more than $why are cut, and the record says so', async ({ item, says }) => {
    const made = await upstream({
      'server/discover': modern,
      'tools/list': (response, received) => {
        const at = Number(received.message.params?.['cursor'] ?? 0);
        const tools = Array.from({ length: 400 }, (_, index) => item(at + index));
        say({ tools, nextCursor: String(at + 400) })(response, received);
      },
    });
    const found = await discover(made.url, AbortSignal.timeout(20_000));
    expect(found).toMatchObject({
      ok: true,
      value: { leftOut: [{ list: 'tools', reason: expect.stringMatching(says) as string }] },
    });
    expect(found.ok && found.value.tools.length).toBeGreaterThan(100);
  });

  test('of a list whose pages take too long are those that came in time, and the record says so', async () => {
    const made = await upstream({
      'server/discover': modern,
      'tools/list': (response, received) => {
        const at = Number(received.message.params?.['cursor'] ?? 0);
        setTimeout(() => {
          say({ tools: [tool(`t${at}`)], nextCursor: String(at + 1) })(response, received);
        }, 20);
      },
    });
    const found = await discover(made.url, AbortSignal.timeout(2_000));
    const reason = expect.stringMatching(/more than the \d+ pages that it gave in time/) as string;
    expect(found).toMatchObject({ ok: true, value: { leftOut: [{ list: 'tools', reason }] } });
    expect(found.ok && found.value.tools.length).toBeGreaterThan(5);
  });

  test('of a server that is slow once are those that it listed before', async () => {
    let isSlow = false;
    const made = await upstream({
      'server/discover': modern,
      'tools/list': (response, received) => {
        const isLast = received.message.params?.['cursor'] !== undefined;
        if (isLast && isSlow) return;
        say({ tools: [tool(isLast ? 'b' : 'a')], ...(!isLast && { nextCursor: 'next' }) })(
          response,
          received,
        );
      },
    });
    const before = await discover(made.url, AbortSignal.timeout(20_000));
    const known = before.ok ? before.value : undefined;
    expect(known?.tools.map(({ name }) => name)).toEqual(['a', 'b']);
    isSlow = true;
    expect(await discover(made.url, AbortSignal.timeout(1_000), known)).toMatchObject({
      ok: false,
      error: {
        kind: 'timeout',
        message: expect.stringContaining('did not list all its tools in time') as string,
      },
    });
    const fewer = await discover(
      made.url,
      AbortSignal.timeout(1_000),
      known && { tools: known.tools.slice(0, 1) },
    );
    expect(fewer).toMatchObject({ ok: true, value: { tools: [{ name: 'a' }] } });
  });

  test('that only some clients see are left out where the record has no room for them', async () => {
    const asClient = new Map<string, boolean>();
    const large = (name: string) =>
      tool(name, { icons: [{ src: `data:,${randomBytes(6_000).toString('base64')}` }] });
    const named = (letter: string) => Array.from({ length: 90 }, (_, index) => large(`${letter}${index}`));
    const [able, unable] = [named('a'), named('b')];
    const made = await upstream({
      'server/discover': noMethod,
      initialize: (response, { message }) => {
        const session = `session-${asClient.size + 1}`;
        asClient.set(session, Object.keys(message.params?.['capabilities'] as object).length > 0);
        const serverInfo = { name: 'made', version: '3' };
        const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo };
        json(response, { jsonrpc: '2.0', id: message.id, result }, 200, { 'mcp-session-id': session });
      },
      'tools/list': (response, received) => {
        const isAble = asClient.get(String(received.headers['mcp-session-id'])) === true;
        say({ tools: isAble ? able : unable })(response, received);
      },
    });
    const found = await discover(made.url, AbortSignal.timeout(20_000));
    const reason = expect.stringMatching(/no room for \d+ tools that only some clients see/) as string;
    expect(found).toMatchObject({ ok: true, value: { leftOut: [{ list: 'tools', reason }] } });
    const tools = found.ok ? found.value.tools : [];
    expect(tools.filter(({ name }) => name.startsWith('a'))).toHaveLength(able.length);
    expect(packedLength(JSON.stringify(found))).toBeLessThan(800 * 1024);
  });

  test('are looked at once while they stay the same, and a removed one goes', async () => {
    let offered = [tool('a'), tool('b')];
    const made = await upstream({
      'server/discover': noMethod,
      'tools/list': (response, received) => {
        say({ tools: offered })(response, received);
      },
    });
    const deps = { outboundTo: () => outbound, clock: { now: () => at } };
    const again = async (known?: Known) => {
      const from = made.received.length;
      const signal = AbortSignal.timeout(10_000);
      const found = await discoverServer({ tenantId: 't1', url: made.url }, deps, signal, known);
      if (!found.ok) throw new Error(found.error.message);
      const asked = made.received.slice(from).filter(({ message }) => message.method === 'tools/list');
      return { discovery: found.value, asked: asked.length };
    };
    const first = await again();
    expect(first.asked).toBe(2);
    expect((await again(first.discovery)).asked).toBe(1);
    offered = [tool('a')];
    const later = await again(first.discovery);
    expect(later.discovery.tools.map(({ name }) => name)).toEqual(['a']);
  });

  test('are found beside prompts, resources and templates, with every field', async () => {
    const prompts = [{ name: 'p', 'acme/x': 1 }];
    const resources = [{ uri: 'test://r', name: 'r', 'acme/x': 1 }];
    const resourceTemplates = [{ uriTemplate: 'test://{t}', name: 't', 'acme/x': 1 }];
    const made = await upstream({
      'server/discover': say({
        supportedVersions: [MODERN],
        capabilities: { tools: {}, prompts: {}, resources: {} },
      }),
      'tools/list': list(tool('a')),
      'prompts/list': say({ prompts }),
      'resources/list': say({ resources }),
      'resources/templates/list': say({ resourceTemplates }),
    });
    const found = await discover(made.url);
    expect(found).toMatchObject({ ok: true, value: { prompts, resources, resourceTemplates } });
  });

  test.each<{ why: string; resources: Replies[string] }>([
    {
      why: 'more than a record has room for',
      resources: say({ resources: [{ uri: 'test://r', text: randomBytes(900_000).toString('base64') }] }),
    },
    { why: 'not to be had', resources: noMethod },
    { why: 'not understood', resources: (response) => response.writeHead(500).end() },
  ])('are registered though the resources are $why', async ({ resources }) => {
    const made = await upstream({
      'server/discover': say({ supportedVersions: [MODERN], capabilities: { tools: {}, resources: {} } }),
      'tools/list': list(tool('a')),
      'resources/list': resources,
      'resources/templates/list': say({ resourceTemplates: [] }),
    });
    const found = await discover(made.url);
    expect(found).toMatchObject({ ok: true, value: { tools: [{ name: 'a' }], resourceTemplates: [] } });
    expect(found).not.toHaveProperty('value.resources');
  });

  test('are not asked for when the server has said too much of itself', async () => {
    const instructions = randomBytes(900_000).toString('base64');
    const made = await upstream({
      'server/discover': say({ supportedVersions: [MODERN], capabilities: { tools: {} }, instructions }),
    });
    expect(await discover(made.url)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('describes itself in more than') as string },
    });
    expect(made.received).toHaveLength(1);
  });

  test('of 62 levels are fine', async () => {
    const made = await upstream({
      'server/discover': modern,
      'tools/list': list({ name: 'a', inputSchema: deep(62) }),
    });
    expect(await discover(made.url)).toMatchObject({ ok: true });
  });
});

test.each([
  { url: 'http://127.0.0.1:1/mcp', kind: 'unavailable', says: /connection refused\. Is it running/ },
  { url: 'http://169.254.169.254/mcp', kind: 'invalid', says: /may not call/ },
  { url: 'ftp://127.0.0.1/', kind: 'invalid', says: /http/ },
])('$url is refused with a reason', async ({ url, kind, says }) => {
  expect(await discover(url)).toMatchObject({
    ok: false,
    error: { kind, message: expect.stringMatching(says) as string },
  });
});
