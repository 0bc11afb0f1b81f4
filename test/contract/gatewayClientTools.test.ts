import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Toolset } from '../../shared/registry/toolsets/toolset.ts';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { type Answered, post, postRaw } from '../support/rawClient.ts';

/*
 * A server of the 2025 era that shows some tools only to clients that can be asked, or that show apps. It sends all that a server
 * may say of its apps.
 */
const UI = 'io.modelcontextprotocol/ui';
const PAGE = 'ui://weather/view.html';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
type Capabilities = Readonly<Record<string, unknown>>;

let gateway: TestGateway;
let upstream: HandmadeUpstream;
let plain: HandmadeUpstream;
const offers = new Map<string, Capabilities>();

const schema = { inputSchema: { type: 'object' } };
const page = { _meta: { ui: { resourceUri: PAGE, visibility: ['model'] }, 'ui/resourceUri': PAGE } };
const toolsFor = ({ sampling, elicitation, roots, extensions }: Capabilities) => [
  { name: 'always', ...schema },
  ...(sampling === undefined ? [] : [{ name: 'summarize', ...schema }]),
  ...(elicitation === undefined || roots === undefined ? [] : [{ name: 'choose', ...schema }]),
  { name: 'forecast', ...schema, ...(JSON.stringify(extensions ?? {}).includes(UI) ? page : {}) },
  { name: 'vendor.tool', ...schema },
];

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await handmadeUpstream(
    (response, { message }) => {
      const { name } = message.params ?? {};
      const result = { content: [{ type: 'text', text: String(name) }], ...page };
      json(response, { jsonrpc: '2.0', id: message.id, result });
    },
    {
      initialize: (response, { message }) => {
        const session = `session-${offers.size + 1}`;
        offers.set(session, message.params?.['capabilities'] as Capabilities);
        const capabilities = {
          tools: {},
          resources: {},
          extensions: { [UI]: {}, 'com.example/x': { a: 1 }, 'io.modelcontextprotocol/tasks': {} },
        };
        const result = {
          protocolVersion: '2025-11-25',
          capabilities,
          serverInfo: { name: 'apps', version: '1', title: null },
          instructions: 'Ask for a forecast first.',
        };
        json(response, { jsonrpc: '2.0', id: message.id, result }, 200, { 'mcp-session-id': session });
      },
      'tools/list': (response, { message, headers }) => {
        const tools = toolsFor(offers.get(String(headers['mcp-session-id'])) ?? {});
        json(response, { jsonrpc: '2.0', id: message.id, result: { tools } });
      },
      'resources/list': (response, { message }) => {
        const resources = [{ uri: PAGE, name: 'view', mimeType: 'text/html;profile=mcp-app' }];
        json(response, { jsonrpc: '2.0', id: message.id, result: { resources } });
      },
      'resources/templates/list': (response, { message }) => {
        json(response, { jsonrpc: '2.0', id: message.id, result: { resourceTemplates: [] } });
      },
      'resources/read': (response, { message }) => {
        const contents = [{ uri: message.params?.['uri'], text: '<p>hi</p>' }];
        json(response, { jsonrpc: '2.0', id: message.id, result: { contents } });
      },
      'server/discover': (response, { message }) => {
        json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'no' } });
      },
    },
  );
  plain = await handmadeUpstream(() => undefined);
  await gateway.register('apps', upstream.url);
  await gateway.register('plain', plain.url, {
    discovery: {
      era: 'modern',
      protocolVersion: '2026-07-28',
      serverInfo: { name: 'plain', version: '1' },
      capabilities: { tools: {} },
      instructions: `Long. ${'x'.repeat(5_000)}`,
      tools: [{ name: 'always', ...schema }],
      discoveredAt: new Date().toISOString(),
    },
  });
  const toolset: Toolset = {
    tenantId,
    slug: 'desk',
    title: 'Desk',
    description: '',
    tools: [{ server: 'apps', name: 'forecast' }],
    prompts: [],
    resources: [],
    createdBy: 'u',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  };
  await gateway.toolsets.add(toolset);
});
afterAll(async () => {
  await Promise.all([gateway.close(), upstream.close(), plain.close()]);
});

/** A client of an era with capabilities: sends a request and returns its result or error. */
async function clientAt(url: string, era: 'legacy' | 'modern', capabilities: Capabilities) {
  const clientInfo = { name: 'c', version: '1' };
  let session: Record<string, string> = {};
  let hello: Answered | undefined;
  if (era === 'legacy') {
    const params = { protocolVersion: '2025-11-25', capabilities, clientInfo };
    const answer = await postRaw(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
    session = { 'mcp-session-id': answer.headers.get('mcp-session-id') ?? '' };
    [hello] = await answer.all();
  }
  const ask = async (method: string, params: Record<string, unknown> = {}) => {
    const meta = { _meta: { [CAPABILITIES]: capabilities } };
    const sent = era === 'modern' ? { ...params, ...meta } : params;
    const name = params['uri'] ?? params['name'];
    const headers = { ...session, ...(typeof name === 'string' && { 'mcp-name': name }) };
    return (await (await post(url, era, method, sent, headers)).all()).at(-1);
  };
  hello ??= await ask('server/discover');
  const tools = async () => (await ask('tools/list'))?.result?.tools ?? [];
  return { ask, tools, hello, names: async () => (await tools()).map(({ name }) => name) };
}

const able = { sampling: {}, elicitation: {}, roots: {} };
describe('the tools that a server shows only to some clients', () => {
  test.each<[string, 'legacy' | 'modern', Capabilities, string[]]>([
    ['a client that can be asked', 'legacy', able, ['always', 'choose', 'forecast', 'summarize']],
    ['a client without sampling', 'legacy', { elicitation: {}, roots: {} }, ['always', 'choose', 'forecast']],
    ['a client with one of two that it needs', 'legacy', { roots: {} }, ['always', 'forecast']],
    ['a client that can nothing', 'legacy', {}, ['always', 'forecast']],
    [
      'a client that is asked by multi-round results',
      'modern',
      able,
      ['always', 'choose', 'forecast', 'summarize'],
    ],
  ])('are listed to %s (%s)', async (_, era, capabilities, expected) => {
    const own = await clientAt(gateway.urlOf('apps'), era, capabilities);
    expect((await own.names()).filter((name) => name !== 'vendor.tool').sort()).toEqual(expected);
    const all = await clientAt(gateway.url, era, capabilities);
    const names = (await all.names()).flatMap((name) => /^apps__(?!vendor)(.*)$/.exec(name)?.[1] ?? []);
    expect(names.sort()).toEqual(expected);
  });

  test('are asked for at the server when the catalogue does not know them', async () => {
    for (const [url, name] of [
      [gateway.urlOf('apps'), 'new_tool'],
      [gateway.url, 'apps__new_tool'],
    ] as const) {
      const { ask } = await clientAt(url, 'legacy', able);
      expect(await ask('tools/call', { name })).toMatchObject({
        result: { content: [{ text: 'new_tool' }] },
      });
    }
    // The other server shows everybody the same.
    const { ask } = await clientAt(gateway.url, 'legacy', able);
    expect(await ask('tools/call', { name: 'plain__new_tool' })).toMatchObject({ error: { code: -32602 } });
  });

  test('need no second look at the server while its tools stay the same', async () => {
    const record = await gateway.servers.find(tenantId, 'apps');
    expect(record?.value.discovery?.needs).toEqual([
      { tool: 'summarize', features: ['sampling'] },
      { tool: 'choose', features: ['elicitation', 'roots'] },
    ]);
  });
});

describe.each(['legacy', 'modern'] as const)('for a %s client', (era) => {
  const shows = { extensions: { [UI]: { mimeTypes: ['text/html;profile=mcp-app'] }, 'com.example/y': {} } };

  test.each([
    ['its own endpoint', () => gateway.urlOf('apps')],
    ['the aggregate endpoint', () => gateway.url],
    ['a toolset', () => gateway.url.replace('/mcp', '/toolsets/desk/mcp')],
  ])('the extensions of a server are announced at %s, and tasks are not', async (_, url) => {
    const { hello } = await clientAt(url(), era, shows);
    const { extensions } = hello?.result?.['capabilities'] as { extensions: object };
    expect(extensions).toEqual({ [UI]: {}, 'com.example/x': { a: 1 } });
  });

  test('the extensions of the client reach the server', async () => {
    const { ask } = await clientAt(gateway.urlOf('apps'), era, shows);
    await ask('tools/call', { name: 'forecast' });
    expect([...offers.values()].at(-1)).toMatchObject({ extensions: shows.extensions });
  });

  test.each([
    ['its own endpoint', () => gateway.urlOf('apps'), 'forecast', PAGE],
    ['the aggregate endpoint', () => gateway.url, 'apps__forecast', 'ui://mcp+apps+weather/view.html'],
    [
      'a toolset',
      () => gateway.url.replace('/mcp', '/toolsets/desk/mcp'),
      'forecast',
      'ui://mcp+apps+weather/view.html',
    ],
  ])('the page of an app can be read by the URI that it has at %s', async (_, url, name, uri) => {
    const { ask, tools } = await clientAt(url(), era, shows);
    const tool = (await tools()).find((candidate) => candidate.name === name);
    const shown = { ui: { resourceUri: uri, visibility: ['model'] }, 'ui/resourceUri': uri };
    expect(tool?.['_meta']).toEqual(shown);
    const called = await ask('tools/call', { name });
    expect(called?.result?.['_meta']).toMatchObject(shown);
    expect(await ask('resources/read', { uri })).toMatchObject({
      result: { contents: [{ uri, text: '<p>hi</p>' }] },
    });
  });

  test('the page of an app finds the tool of its server by its own name at the aggregate endpoint', async () => {
    const { ask } = await clientAt(gateway.url, era, shows);
    expect(await ask('tools/call', { name: 'forecast' })).toMatchObject({
      result: { content: [{ text: 'forecast' }] },
    });
    expect(await ask('tools/call', { name: 'nothing' })).toMatchObject({ error: { code: -32602 } });
  });

  test('instructions are whole at the endpoint of their server, and by server and bounded elsewhere', async () => {
    const own = await clientAt(gateway.urlOf('apps'), era, {});
    expect(own.hello?.result?.['instructions']).toBe('Ask for a forecast first.');
    const all = await clientAt(gateway.url, era, {});
    const text = String(all.hello?.result?.['instructions']);
    expect(text).toContain('## Server apps\nAsk for a forecast first.');
    expect(text).toContain('## Server plain\nLong.');
    expect(text.length).toBeLessThan(3_000);
    const set = await clientAt(gateway.url.replace('/mcp', '/toolsets/desk/mcp'), era, {});
    expect(set.hello?.result?.['instructions']).toContain('Ask for a forecast first.');
  });

  test('a name with a dot stays at its server and is one for models at the aggregate endpoint', async () => {
    const own = await clientAt(gateway.urlOf('apps'), era, {});
    expect(await own.names()).toContain('vendor.tool');
    const all = await clientAt(gateway.url, era, {});
    const name = (await all.names()).find((candidate) => candidate.startsWith('apps__vendor_tool__x')) ?? '';
    expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(await all.ask('tools/call', { name })).toMatchObject({
      result: { content: [{ text: 'vendor.tool' }] },
    });
    // A client that cached the name of an earlier version may go on.
    expect(await all.ask('tools/call', { name: 'apps__vendor.tool' })).toMatchObject({
      result: { content: [{ text: 'vendor.tool' }] },
    });
  });
});
