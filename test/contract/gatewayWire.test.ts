import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Era } from '../../shared/registry/records/era.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import {
  discoveryOf,
  echoTool,
  type HandmadeUpstream,
  handmadeUpstream,
  json,
  openEvents,
} from '../support/handmadeUpstream.ts';
import { MODERN, OFFERED, post, postRaw } from '../support/rawClient.ts';

const eras = ['legacy', 'modern'] as const;
const pairs = eras.flatMap((client) => eras.map((server) => ({ client, server })));
const result = { content: [{ type: 'text', text: 'hi', 'acme/extra': { deep: [1] } }], 'acme/top': true };

let gateway: TestGateway;
/** Answers with `result`, and remembers what it was asked. */
const upstreams = {} as Record<Era, HandmadeUpstream>;

beforeAll(async () => {
  gateway = await startGateway();
  for (const era of eras) {
    upstreams[era] = await handmadeUpstream((response, { message }) => {
      const typed = era === 'modern' ? { resultType: 'complete', ...result } : result;
      json(response, { jsonrpc: '2.0', id: message.id, result: typed });
    });
    const region = { type: 'string', 'x-mcp-header': 'Region' };
    const mirrored = { name: 'mirrored', inputSchema: { type: 'object', properties: { region } } };
    await gateway.register(era, upstreams[era].url, {
      discovery: discoveryOf(era, [
        { ...echoTool, description: 'Echo', 'acme/extra': 1, execution: { taskSupport: 'optional' } },
        mirrored,
        { ...mirrored, name: 'bad-header', inputSchema: { type: 'object', items: region } },
        { ...echoTool, name: 'task-only', execution: { taskSupport: 'required' } },
        { ...echoTool, name: 'no name that clients accept' },
        { name: 'no-schema' },
        { ...echoTool, name: 'any-output', outputSchema: { type: 'array' } },
      ]),
    });
  }
  await gateway.register('waiting', 'http://127.0.0.1:9/mcp', {
    status: 'pending',
    discovery: discoveryOf('modern'),
  });
  await gateway.register('refused', 'http://127.0.0.1:9/mcp', {
    status: 'rejected',
    discovery: discoveryOf('modern'),
  });
  await gateway.register('foreign', upstreams.modern.url, {
    tenantId: '22222222-2222-4222-8222-222222222222',
    discovery: discoveryOf('modern'),
  });
});

afterAll(async () => {
  await gateway.close();
  await Promise.all(eras.map((era) => upstreams[era].close()));
});

beforeEach(() => {
  for (const era of eras) upstreams[era].received.length = 0;
});

async function one(...call: Parameters<typeof post>) {
  const answer = await post(...call);
  const [message, ...others] = await answer.all();
  expect(others).toEqual([]);
  return { status: answer.status, headers: answer.headers, message };
}

describe('the gateway by itself', () => {
  test.each([
    ['2025-03-26', '2025-03-26'],
    ['2025-06-18', '2025-06-18'],
    ['2025-11-25', '2025-11-25'],
    ['2024-11-05', '2024-11-05'],
    ['2024-10-07', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ])('initialize of %s agrees on %s, in a session that only this client can read', async (asked, agreed) => {
    const answer = await postRaw(gateway.url, {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: asked, capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    });
    expect(answer.headers.get('mcp-session-id')).toMatch(/^[\w-]{8}\.[\w-]+$/);
    expect(await answer.all()).toMatchObject([
      { id: 0, result: { protocolVersion: agreed, capabilities: { tools: {} } } },
    ]);
  });

  test('ping is of the legacy era alone', async () => {
    expect(await one(gateway.url, 'legacy', 'ping')).toMatchObject({ status: 200, message: { result: {} } });
    expect(await one(gateway.url, 'modern', 'ping')).toMatchObject({
      status: 404,
      message: { id: 'client-id', error: { code: -32601 } },
    });
  });

  test.each(['resources/lists', 'constructor', '__proto__', ''])('method %j is not there', async (method) => {
    expect(await one(gateway.url, 'legacy', method)).toMatchObject({
      status: 200,
      message: { error: { code: -32601 } },
    });
  });

  test('server/discover tells versions, capabilities and that nobody else may keep the answer', async () => {
    expect(await one(gateway.url, 'modern', 'server/discover')).toMatchObject({
      status: 200,
      message: {
        result: {
          resultType: 'complete',
          supportedVersions: OFFERED,
          capabilities: { tools: {} },
          ttlMs: 60_000,
          cacheScope: 'private',
          _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'mcp-registry-gateway' } },
        },
      },
    });
  });

  test('a notification is taken with an empty 202', async () => {
    const answer = await postRaw(gateway.url, { jsonrpc: '2.0', method: 'notifications/initialized' });
    expect([answer.status, await answer.all()]).toEqual([202, []]);
  });

  test('what neither era allows is a 400 with the id', async () => {
    const answer = await postRaw(gateway.url, { jsonrpc: '2.0', id: 5, method: 'tools/list', params: 1 });
    expect(answer.status).toBe(400);
    expect(await answer.all()).toMatchObject([{ id: 5, error: { code: -32600 } }]);
  });

  test.each([{ name: 5 }, {}, { name: 'legacy__echo', arguments: [] }])(
    'a call with %j is told what is wrong',
    async (params) => {
      expect(await one(gateway.url, 'legacy', 'tools/call', params)).toMatchObject({
        status: 200,
        message: { error: { code: -32602, message: expect.stringContaining('params.') as string } },
      });
    },
  );

  test('an outage of the store is an error with a trace id, and no word of the cause', async () => {
    const broken = await startGateway();
    broken.servers.list = () => Promise.reject(new Error('secret detail'));
    const { message } = await one(broken.url, 'modern', 'tools/list');
    expect(message?.error).toMatchObject({ code: -32603, data: { traceId: expect.any(String) as string } });
    expect(JSON.stringify(message)).not.toContain('secret');
    expect(broken.log.lines).toMatchObject([{ event: 'request_failed' }]);
    await broken.close();
  });
});

describe('how the time was spent', () => {
  const timingOf = async (method: string, params: Record<string, unknown> = {}) => {
    const answer = await post(gateway.url, 'modern', method, params);
    await answer.all();
    return answer.headers.get('server-timing');
  };

  test('is told of a call as catalogue and upstream, and of a list as catalogue', async () => {
    const call = await timingOf('tools/call', { name: 'modern__echo' });
    expect(call).toMatch(/^catalogue;dur=\d+\.\d\d, upstream;dur=\d+\.\d\d$/);
    expect(await timingOf('tools/list')).toMatch(/^catalogue;dur=\d+\.\d\d$/);
    expect(await timingOf('server/discover')).toBeNull();
  });
});

describe('the list', () => {
  test.each(eras)('names what a %s client can call, sorted, and nothing else', async (era) => {
    const { message } = await one(gateway.url, era, 'tools/list');
    expect(message?.result?.tools?.map(({ name }) => name)).toEqual([
      'legacy__any-output',
      'legacy__echo',
      'legacy__mirrored',
      'legacy__no_name_that_clients_accept__xvkv8qpvj3b',
      'modern__any-output',
      'modern__echo',
      'modern__mirrored',
      'modern__no_name_that_clients_accept__xvkv8qpvj3b',
    ]);
  });

  test('keeps all fields of a tool that its reader knows', async () => {
    const tools = async (era: Era) => (await one(gateway.url, era, 'tools/list')).message?.result?.tools;
    const echo = {
      name: 'modern__echo',
      inputSchema: { type: 'object' },
      description: 'Echo',
      'acme/extra': 1,
    };
    expect((await tools('modern'))?.[5]).toEqual(echo);
    expect((await tools('legacy'))?.[5]).toEqual({ ...echo, execution: { taskSupport: 'optional' } });
    expect((await tools('modern'))?.[4]).toHaveProperty('outputSchema');
    expect((await tools('legacy'))?.[4]).not.toHaveProperty('outputSchema');
  });

  test('reads every page of the store', async () => {
    const crowded = await startGateway();
    for (let index = 0; index < 230; index++) {
      await crowded.register(`s${index}`, 'http://127.0.0.1:9/mcp', { discovery: discoveryOf('modern') });
    }
    const { message } = await one(crowded.url, 'legacy', 'tools/list');
    expect(message?.result?.tools).toHaveLength(230);
    await crowded.close();
  });

  test('has one page', async () => {
    const { message } = await one(gateway.url, 'modern', 'tools/list', { cursor: '' });
    expect(message?.error?.code).toBe(-32602);
  });

  test('tells modern clients how long to keep it, and legacy clients nothing', async () => {
    expect((await one(gateway.url, 'modern', 'tools/list')).message?.result).toMatchObject({
      resultType: 'complete',
      ttlMs: 60_000,
      cacheScope: 'private',
    });
    expect(Object.keys((await one(gateway.url, 'legacy', 'tools/list')).message?.result ?? {})).toEqual([
      'tools',
    ]);
  });
});

describe.each(pairs)('a call of a $client client to a $server server', ({ client, server }) => {
  const name = `${server}__echo`;

  test('gives back the result with every field, under the id of the client', async () => {
    const { status, message } = await one(gateway.url, client, 'tools/call', { name });
    expect(status).toBe(200);
    expect(message).toMatchObject({ id: 'client-id', result });
    expect('resultType' in (message?.result ?? {})).toBe(client === 'modern');
  });

  test('carries arguments, foreign parameters and foreign _meta untouched', async () => {
    const args = { a: [1, { b: null }], __proto: 1, constructor: { x: 1 }, '': '' };
    const params = { name, arguments: args, 'acme/p': 1, _meta: { 'acme/m': { x: 1 } } };
    await one(gateway.url, client, 'tools/call', params);
    expect(upstreams[server].calls()[0]?.message.params).toMatchObject({
      name: 'echo',
      arguments: args,
      'acme/p': 1,
      _meta: { 'acme/m': { x: 1 } },
    });
  });

  test('sends its own headers and none of the client', async () => {
    const sent = {
      authorization: 'Bearer secret',
      cookie: 'a=secret',
      'x-upstream-authorization': 'secret',
      'x-ms-client-actor': 'secret',
      'mcp-session-id': 'secret',
      'mcp-param-region': 'secret',
      'last-event-id': 'secret',
    };
    const { 'mcp-session-id': _session, ...known } = sent;
    await one(gateway.url, client, 'tools/call', { name }, client === 'modern' ? sent : known);
    const [call] = upstreams[server].calls();
    expect(Object.keys(call?.headers ?? {}).sort()).toEqual(
      [
        ...['accept', 'accept-encoding', 'connection', 'content-length', 'content-type', 'host'],
        ...['mcp-protocol-version', 'traceparent'],
        ...(server === 'modern' ? ['mcp-method', 'mcp-name'] : ['mcp-session-id']),
      ].sort(),
    );
    expect(JSON.stringify(upstreams[server].received)).not.toContain('secret');
    expect(call?.headers).toMatchObject({
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': server === 'modern' ? MODERN : '2025-11-25',
      ...(server === 'modern' && { 'mcp-method': 'tools/call', 'mcp-name': 'echo' }),
    });
  });

  test('says in _meta what the server of this era needs, and only that', async () => {
    await one(gateway.url, client, 'tools/call', { name });
    const meta = upstreams[server].calls()[0]?.message.params?.['_meta'];
    if (server === 'legacy') {
      expect(meta).toBeUndefined();
    } else {
      expect(meta).toEqual({
        'io.modelcontextprotocol/protocolVersion': MODERN,
        'io.modelcontextprotocol/clientInfo':
          client === 'modern'
            ? { name: 'raw', version: '1' }
            : { name: 'mcp-registry-gateway', version: '0.1.0' },
        'io.modelcontextprotocol/clientCapabilities': {},
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) as string,
      });
    }
  });

  test('continues the trace of the HTTP request, and that of _meta before it', async () => {
    const byHttp = 'a'.repeat(32);
    const byMeta = 'b'.repeat(32);
    const traceparent = `00-${byHttp}-${'1'.repeat(16)}-01`;
    await one(gateway.url, client, 'tools/call', { name }, { traceparent });
    const _meta = { traceparent: `00-${byMeta}-${'2'.repeat(16)}-01` };
    await one(gateway.url, client, 'tools/call', { name, _meta }, { traceparent });
    await one(gateway.url, client, 'tools/call', { name, _meta: { traceparent: 'junk' } }, { traceparent });
    const calls = upstreams[server].calls();
    expect(calls.map(({ headers }) => String(headers['traceparent']).slice(3, 35))).toEqual([
      byHttp,
      byMeta,
      byHttp,
    ]);
    for (const { headers, message } of calls.slice(1)) {
      expect(message.params?.['_meta']).toMatchObject({ traceparent: headers['traceparent'] });
    }
  });

  test('passes an error of the server with code, message and data', async () => {
    const failing = await handmadeUpstream((response, { message }) => {
      const error = { code: 42, message: 'out of stock', data: { sku: 'A' } };
      json(response, { jsonrpc: '2.0', id: message.id, error });
    });
    const slug = `failing-${client}-${server}`;
    await gateway.register(slug, failing.url, { discovery: discoveryOf(server) });
    expect(await one(gateway.url, client, 'tools/call', { name: `${slug}__echo` })).toMatchObject({
      status: 200,
      message: { id: 'client-id', error: { code: 42, message: 'out of stock', data: { sku: 'A' } } },
    });
    await failing.close();
    await gateway.withdraw(slug);
  });

  test('streams: an event is with the client before the server has sent the next', async () => {
    let finish: (() => void) | undefined;
    const slow = await handmadeUpstream((response, { message }) => {
      const token = (message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
      const event = openEvents(response);
      const progress = (progressToken: unknown, progress: number) => {
        event({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken, progress, 'acme/p': 1 },
        });
      };
      progress('of another call', 99);
      event({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
      event({ jsonrpc: '2.0', id: 'of another call', result: { content: [] } });
      event({ jsonrpc: '2.0', method: 'acme/hello', params: { a: 1 } });
      progress(token, 1);
      finish = () => {
        event({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...result } });
        response.end();
      };
    });
    const slug = `slow-${client}-${server}`;
    await gateway.register(slug, slow.url, { discovery: discoveryOf(server) });
    const answer = await post(gateway.url, client, 'tools/call', {
      name: `${slug}__echo`,
      _meta: { progressToken: 'client-token' },
    });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect((await answer.messages.next()).value).toMatchObject({ method: 'acme/hello', params: { a: 1 } });
    expect((await answer.messages.next()).value).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 'client-token', progress: 1, 'acme/p': 1 },
    });
    finish?.();
    expect((await answer.messages.next()).value).toMatchObject({ id: 'client-id', result });
    expect((await answer.messages.next()).done).toBe(true);
    await slow.close();
    await gateway.withdraw(slug);
  });
});

test('a tool is called by the name that stands for one which clients need not accept', async () => {
  const name = 'modern__no_name_that_clients_accept__xvkv8qpvj3b';
  expect((await one(gateway.url, 'modern', 'tools/call', { name })).message).toMatchObject({ result });
  expect(upstreams.modern.calls()[0]?.message.params).toMatchObject({ name: 'no name that clients accept' });
});

describe('what cannot be called', () => {
  test.each([
    'waiting__echo',
    'refused__echo',
    'foreign__echo',
    'nowhere__echo',
    'modern__bad-header',
    'modern__task-only',
  ])('%s is refused in the words of a tool that does not exist', async (name) => {
    const { status, message } = await one(gateway.url, 'modern', 'tools/call', { name });
    expect(status).toBe(200);
    expect(message?.error).toEqual({
      code: -32602,
      message: `There is no tool "${name}". tools/list names the tools that you can call.`,
    });
    expect(upstreams.modern.received).toEqual([]);
  });
});

describe('arguments in headers', () => {
  test.each(eras)('are checked for a %s server before it is called', async (server) => {
    const call = { name: `${server}__mirrored`, arguments: { region: 'eu' } };
    const refused = await one(gateway.url, 'modern', 'tools/call', call, { 'mcp-param-region': 'us' });
    expect(refused).toMatchObject({ status: 400, message: { id: 'client-id', error: { code: -32020 } } });
    expect(upstreams[server].received).toEqual([]);
    const passed = await one(gateway.url, 'modern', 'tools/call', call, { 'mcp-param-region': 'eu' });
    expect(passed).toMatchObject({ status: 200, message: { result } });
  });

  test('are computed for a modern server, whoever calls', async () => {
    const call = { name: 'modern__mirrored', arguments: { region: 'Zürich\r\nHost: x' } };
    await one(gateway.url, 'legacy', 'tools/call', call);
    const encoded = String(upstreams.modern.calls()[0]?.headers['mcp-param-region']);
    expect(Buffer.from(encoded.slice(9, -2), 'base64').toString()).toBe('Zürich\r\nHost: x');
  });
});

describe('what a modern client declares', () => {
  test('reaches a modern server as it is, but for tasks, which cannot be asked after yet', async () => {
    const _meta = {
      'io.modelcontextprotocol/clientCapabilities': {
        elicitation: {},
        extensions: { 'io.modelcontextprotocol/tasks': {}, 'acme/x': { a: 1 } },
      },
      'io.modelcontextprotocol/logLevel': 'warning',
    };
    await one(gateway.url, 'modern', 'tools/call', { name: 'modern__echo', _meta });
    expect(upstreams.modern.calls()[0]?.message.params?.['_meta']).toMatchObject({
      'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, extensions: { 'acme/x': { a: 1 } } },
      'io.modelcontextprotocol/logLevel': 'warning',
    });
    expect(JSON.stringify(upstreams.modern.calls()[0])).not.toContain('tasks');
  });

  test('is not shown to a legacy server, nor is an answer that only the modern era knows', async () => {
    const params = { name: 'legacy__echo', inputResponses: {}, task: { ttl: 1 } };
    await one(gateway.url, 'modern', 'tools/call', params);
    expect(upstreams.legacy.calls()[0]?.message.params).toEqual({ name: 'echo' });
  });

  test('is refused in front of a legacy server where it goes on with a call that there is not', async () => {
    const params = { name: 'legacy__echo', inputResponses: {}, requestState: 's' };
    expect(await one(gateway.url, 'modern', 'tools/call', params)).toMatchObject({
      message: { error: { code: -32602 } },
    });
    expect(upstreams.legacy.calls()).toEqual([]);
  });
});

describe('log notifications', () => {
  let noisy: HandmadeUpstream;
  beforeAll(async () => {
    noisy = await handmadeUpstream((response, { message }) => {
      const event = openEvents(response);
      for (const level of ['debug', 'info', 'error', 'loud']) {
        event({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data: 'x' } });
      }
      event({ jsonrpc: '2.0', id: message.id, result });
      response.end();
    });
    await gateway.register('noisy', noisy.url, { discovery: discoveryOf('legacy') });
  });
  afterAll(() => noisy.close());

  test.each([
    { client: 'legacy', level: undefined, heard: ['debug', 'info', 'error'], why: 'has set no level' },
    { client: 'modern', level: undefined, heard: [], why: 'must get none unasked' },
    { client: 'modern', level: 'info', heard: ['info', 'error'], why: 'asked for these' },
  ] as const)('a $client client hears $heard: it $why', async ({ client, level, heard }) => {
    const _meta = level === undefined ? {} : { 'io.modelcontextprotocol/logLevel': level };
    const answer = await post(gateway.url, client, 'tools/call', { name: 'noisy__echo', _meta });
    const levels = (await answer.all()).flatMap(({ params }) => (params ? [params['level']] : []));
    expect(levels).toEqual(heard);
  });
});
