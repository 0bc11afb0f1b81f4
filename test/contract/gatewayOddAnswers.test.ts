import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Era } from '../../shared/registry/records/era.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { post } from '../support/rawClient.ts';
import { serve } from '../support/serve.ts';

/* Answers that real servers give and that clients with an SDK understand. */

const eras = ['legacy', 'modern'] as const;
const MIB = 1024 * 1024;
const done = { resultType: 'complete', content: [{ type: 'text', text: 'done' }] };

type OnCall = Parameters<typeof handmadeUpstream>[0];
type Id = string | number;

let gateway: TestGateway;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
afterEach(async () => {
  gateway.log.lines.length = 0;
  await gateway.withdraw('odd');
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function registered(era: Era, onCall: OnCall): Promise<HandmadeUpstream> {
  const upstream = await handmadeUpstream(onCall);
  open.push(upstream);
  await gateway.register('odd', upstream.url, { discovery: discoveryOf(era) });
  return upstream;
}

const call = (era: Era = 'legacy', headers = {}) =>
  post(gateway.url, era, 'tools/call', { name: 'odd__echo', arguments: { a: 1 } }, headers);
const last = async (answer: ReturnType<typeof call>) => (await (await answer).all()).at(-1);

const rpc = (message: object) => JSON.stringify({ jsonrpc: '2.0', ...message });
const body = (response: ServerResponse, type: string | undefined, content: string | Buffer, more = {}) => {
  response.writeHead(200, { ...(type !== undefined && { 'content-type': type }), ...more }).end(content);
};
const events = (response: ServerResponse, text: string | Buffer, more = {}) => {
  body(response, 'text/event-stream', text, more);
};
/** Answers in a stream; the text is what comes before the answer. */
const after =
  (text: string): OnCall =>
  (response, { message: { id } }) => {
    events(response, `${text}data: ${rpc({ id, result: done })}\n\n`);
  };
/** Answers in JSON as the text of this function says. */
const whole =
  (textOf: (id: Id) => string | Buffer, type: string | undefined = 'application/json', more = {}): OnCall =>
  (response, { message: { id } }) => {
    body(response, type, textOf(id as Id), more);
  };
const untyped: OnCall = (response, { message: { id } }) => {
  body(response, undefined, rpc({ id, result: done }));
};
const ordinary = (id: Id) => rpc({ id, result: done });
const encoded = (id: Id) => Buffer.from(ordinary(id));

const understood: readonly { readonly why: string; readonly onCall: OnCall }[] = [
  { why: 'a heartbeat in JSON', onCall: after('data: {"type":"heartbeat"}\n\n') },
  { why: 'a heartbeat in text', onCall: after('data: ping\n\n') },
  { why: 'a heartbeat of another type', onCall: after('event: ping\ndata: {"a":1}\n\n') },
  { why: 'an event with a JSON text', onCall: after('data: "connected"\n\n') },
  { why: 'an event with a message of JSON-RPC 1.0', onCall: after('data: {"id":1,"result":{}}\n\n') },
  { why: 'comments', onCall: after(': one\n\n: two\n\n') },
  { why: 'retry, id and empty data', onCall: after('retry: 5\nid: 1\ndata:\n\n') },
  { why: 'unknown fields', onCall: after('foo: bar\nevent: message\nbaz\n\n') },
  {
    why: 'a notification with a null id',
    onCall: after(
      `data: ${rpc({ id: null, method: 'notifications/message', params: { level: 'info' } })}\n\n`,
    ),
  },
  {
    why: 'a notification with null params',
    onCall: after(`data: ${rpc({ method: 'notifications/tools/list_changed', params: null })}\n\n`),
  },
  { why: 'the answer to another request', onCall: after(`data: ${rpc({ id: 'x', result: {} })}\n\n`) },
  {
    why: 'a batch in a stream',
    onCall: (response, { message: { id } }) => {
      const batch = [
        { jsonrpc: '2.0', method: 'notifications/x' },
        { jsonrpc: '2.0', id, result: done },
      ];
      events(response, `data: ${JSON.stringify(batch)}\n\n`);
    },
  },
  {
    why: 'carriage returns and a byte order mark in a stream',
    onCall: (response, { message: { id } }) => {
      events(response, `\uFEFFevent: message\rdata: ${rpc({ id, result: done })}\r\r`);
    },
  },
  {
    why: 'data on several lines',
    onCall: (response, { message: { id } }) => {
      const lines = JSON.stringify({ jsonrpc: '2.0', id, result: done }, undefined, 2).split('\n');
      events(response, `${lines.map((line) => `data: ${line}\r\n`).join('')}\r\n`);
    },
  },
  {
    why: 'an upper-case type with parameters for a stream',
    onCall: (response, { message: { id } }) => {
      body(response, 'Text/Event-Stream; Charset=UTF-8', `data: ${rpc({ id, result: done })}\n\n`);
    },
  },
  { why: 'a byte order mark in JSON', onCall: whole((id) => `\uFEFF${ordinary(id)}`) },
  { why: 'white space around JSON', onCall: whole((id) => `\r\n ${ordinary(id)} \n\n`) },
  {
    why: 'an upper-case type with parameters',
    onCall: whole(ordinary, 'APPLICATION/JSON ; charset="UTF-8"'),
  },
  { why: 'the type application/json-rpc', onCall: whole(ordinary, 'application/json-rpc') },
  { why: 'the type of a vendor', onCall: whole(ordinary, 'application/vnd.acme.mcp+json') },
  { why: 'the type text/plain', onCall: whole(ordinary, 'text/plain; charset=utf-8') },
  { why: 'no type', onCall: untyped },
  { why: 'an empty type', onCall: whole(ordinary, '') },
  { why: 'its id as text', onCall: whole((id) => rpc({ id: String(id), result: done })) },
  { why: 'a null error beside the result', onCall: whole((id) => rpc({ id, result: done, error: null })) },
  { why: 'a batch of one', onCall: whole((id) => `[${ordinary(id)}]`) },
  {
    why: 'a batch with notifications and answers to others',
    onCall: whole((id) => `[${rpc({ method: 'x' })},5,${rpc({ id: 'other', result: {} })},${ordinary(id)}]`),
  },
  {
    why: 'gzip unasked',
    onCall: whole((id) => gzipSync(encoded(id)), undefined, {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    }),
  },
  {
    why: 'brotli unasked',
    onCall: whole((id) => brotliCompressSync(encoded(id)), 'application/json', { 'content-encoding': 'BR' }),
  },
  {
    why: 'deflate unasked',
    onCall: whole((id) => deflateSync(encoded(id)), 'application/json', { 'content-encoding': 'deflate' }),
  },
  {
    why: 'the coding identity',
    onCall: whole(ordinary, 'application/json', { 'content-encoding': 'identity' }),
  },
  {
    why: 'a stream in gzip',
    onCall: (response, { message: { id } }) => {
      const text = `: hello\n\ndata: ${rpc({ id, result: done })}\n\n`;
      events(response, gzipSync(text), { 'content-encoding': 'gzip' });
    },
  },
];

describe.each(eras)('a %s server that answers with', (server) => {
  test.each(understood)('$why is understood', async ({ onCall }) => {
    await registered(server, onCall);
    for (const client of eras)
      expect(await last(call(client))).toMatchObject({ id: 'client-id', result: { content: done.content } });
  });

  test('a null result has given an empty one', async () => {
    await registered(
      server,
      whole((id) => rpc({ id, result: null })),
    );
    expect(await last(call())).toMatchObject({ id: 'client-id', result: {} });
  });

  test.each([200, 400, 404, 409, 422, 429, 500, 502, 503])(
    'a JSON-RPC error under HTTP %i is relayed, and counts for nothing against the server',
    async (status) => {
      const error = { code: -32602, message: 'no such colour', data: { colour: 'x' } };
      const upstream = await registered(server, (response, { message: { id } }) => {
        json(response, { jsonrpc: '2.0', id, error }, status);
      });
      for (let time = 0; time < 7; time++)
        expect(await last(call())).toMatchObject({ id: 'client-id', error });
      expect(upstream.calls()).toHaveLength(7);
      expect(gateway.log.lines.filter(({ event }) => event === 'upstream_failed')).toEqual([]);
    },
  );

  test.each([401, 403])(
    'a JSON-RPC error under HTTP %i is relayed and still asks for sign-in',
    async (status) => {
      await registered(server, (response, { message: { id } }) => {
        json(response, { jsonrpc: '2.0', id, error: { code: -32001, message: 'Only for members.' } }, status);
      });
      for (let time = 0; time < 7; time++)
        expect((await last(call()))?.error).toEqual({
          code: -32001,
          message: 'Only for members.',
          data: { server: 'odd', kind: 'credentials_wanted' },
        });
    },
  );

  test.each([
    { why: 'with a null id', id: { id: null }, status: 200 },
    { why: 'without an id', id: {}, status: 200 },
    { why: 'with a null id under HTTP 500', id: { id: null }, status: 500 },
  ])('a JSON-RPC error $why is relayed', async ({ id, status }) => {
    await registered(server, (response) => {
      json(response, { jsonrpc: '2.0', ...id, error: { code: -32700, message: 'Parse error' } }, status);
    });
    expect(await last(call())).toMatchObject({
      id: 'client-id',
      error: { code: -32700, message: 'Parse error' },
    });
  });

  test('a null id in a stream is relayed', async () => {
    await registered(server, (response) => {
      events(response, `data: ${rpc({ id: null, error: { code: -32000, message: 'no' } })}\n\n`);
    });
    expect(await last(call())).toMatchObject({ id: 'client-id', error: { code: -32000, message: 'no' } });
  });

  test.each([
    {
      why: 'a gzip bomb',
      kind: 'too_large',
      onCall: whole(() => gzipSync(Buffer.alloc(64 * MIB)), 'application/json', {
        'content-encoding': 'gzip',
      }),
    },
    {
      why: 'a gzip bomb in a stream',
      kind: 'too_large',
      onCall: ((response) => {
        events(response, brotliCompressSync(Buffer.alloc(64 * MIB)), { 'content-encoding': 'br' });
      }) satisfies OnCall,
    },
    {
      why: 'a coding that nobody knows',
      kind: 'not_mcp',
      onCall: whole(ordinary, 'application/json', { 'content-encoding': 'zstd' }),
    },
    {
      why: 'gzip that is none',
      kind: 'not_mcp',
      onCall: whole(ordinary, 'application/json', { 'content-encoding': 'gzip' }),
    },
    { why: 'a web page without a type', kind: 'not_mcp', onCall: whole(() => '<h1>secret</h1>', '') },
    {
      why: 'a malformed answer in a stream that stays open',
      kind: 'not_mcp',
      onCall: ((response, { message: { id } }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${rpc({ id, result: 'secret' })}\n\n`);
      }) satisfies OnCall,
    },
  ])('$why is named as the cause', async ({ onCall, kind }) => {
    await registered(server, onCall);
    const error = (await last(call()))?.error;
    expect(error?.data).toEqual({ server: 'odd', kind });
    expect(JSON.stringify(error)).not.toContain('secret');
  });

  test('answers to whole numbers alone is called with them, whatever the id of the client', async () => {
    const upstream = await registered(server, (response, { message: { id } }) => {
      json(response, { jsonrpc: '2.0', id: Number.isInteger(id) ? id : 0, result: done });
    });
    for (const client of eras)
      expect(await last(call(client))).toMatchObject({ id: 'client-id', result: {} });
    const ids = upstream.received.map(({ message }) => message.id).filter((id) => id !== undefined);
    expect(ids.every((id) => Number.isInteger(id))).toBe(true);
  });
});

describe.each(eras)('a %s server that redirects', (server) => {
  const redirect = (status: number, location: string) => (response: ServerResponse) =>
    response.writeHead(status, { location }).end('moved');

  test.each([
    { status: 307, location: '/mcp/' },
    { status: 308, location: '/mcp/docs/1?x=1#part' },
    { status: 308, location: '?moved=1' },
  ])(
    'by $status to $location within its origin gets the call there, as it was',
    async ({ status, location }) => {
      const paths: string[] = [];
      const upstream = await registered(server, (response, { message: { id } }) => {
        const { url = '' } = response.req;
        paths.push(url);
        if (url === '/mcp') redirect(status, location)(response);
        else json(response, { jsonrpc: '2.0', id, result: done });
      });
      expect(await last(call())).toMatchObject({ result: { content: done.content } });
      const [first, second] = upstream.calls();
      expect(second?.message).toEqual(first?.message);
      expect(second?.headers).toEqual(first?.headers);
      expect(paths).toEqual(['/mcp', location.replace('#part', '').replace(/^\?/, '/mcp?')]);
    },
  );

  test('in a circle is left after five times', async () => {
    const upstream = await registered(server, redirect(307, '/mcp'));
    const error = (await last(call()))?.error;
    expect(error?.message).toMatch(/HTTP 307, a redirect to http:.*five at most/);
    expect(upstream.calls()).toHaveLength(6);
  });

  test.each([301, 302, 303])(
    'by %i is not followed, because the call would lose its body',
    async (status) => {
      const upstream = await registered(server, redirect(status, '/elsewhere'));
      expect((await last(call()))?.error).toMatchObject({
        data: { server: 'odd', kind: 'http_status' },
        message: expect.stringContaining(`HTTP ${status}, a redirect to http://127.0.0.1:`) as string,
      });
      expect(upstream.calls()).toHaveLength(1);
    },
  );

  test('to another origin is not followed, and nothing is sent there', async () => {
    let stolen = 0;
    const thief = await serve((_request, response) => {
      stolen += 1;
      response.end();
    });
    open.push(thief);
    await registered(server, redirect(307, thief.url));
    expect((await last(call()))?.error?.message).toContain(
      `a redirect to ${new URL(thief.url).origin}, which`,
    );
    expect(stolen).toBe(0);
  });

  test.each(['http://user:password@127.0.0.1/', 'http://', ''])('to %j is not followed', async (location) => {
    const upstream = await registered(server, redirect(307, location));
    expect((await last(call()))?.error?.data).toMatchObject({ kind: 'http_status' });
    expect(upstream.calls().length).toBeLessThanOrEqual(6);
  });
});

describe('a legacy server that answers 404 in a session', () => {
  const initialized = (upstream: HandmadeUpstream) =>
    upstream.received.filter(({ message }) => message.method === 'initialize').length;

  test.each([
    { code: -32601, sessions: 1, why: 'judges the request, so the session lives' },
    { code: -32001, sessions: 2, why: 'may be about the session' },
  ])('with the error $code: it $why', async ({ code, sessions }) => {
    const upstream = await registered('legacy', (response, { message: { id } }) => {
      json(response, { jsonrpc: '2.0', id, error: { code, message: 'not found' } }, 404);
    });
    expect((await last(call()))?.error).toMatchObject({ code, message: 'not found' });
    expect(initialized(upstream)).toBe(sessions);
  });
});

describe('the form of an answer', () => {
  const note = rpc({ method: 'notifications/message', params: { level: 'info', data: 'x' } });
  const servers: Record<string, OnCall> = { json: whole(ordinary), stream: after(`data: ${note}\n\n`) };
  const typeOf = (answer: { readonly headers: Headers }) => answer.headers.get('content-type');

  test.each(Object.keys(servers))(
    'is the one that the client accepts, when the server answers by %s',
    async (form) => {
      await registered('legacy', servers[form] ?? untyped);
      for (const client of eras) {
        const asJson = await call(client, { accept: 'application/json' });
        expect(typeOf(asJson)).toBe('application/json');
        expect(await asJson.all()).toMatchObject([{ id: 'client-id', result: { content: done.content } }]);
        const asEvents = await call(client, { accept: 'text/event-stream' });
        expect(typeOf(asEvents)).toBe('text/event-stream');
        expect((await asEvents.all()).at(-1)).toMatchObject({
          id: 'client-id',
          result: { content: done.content },
        });
        const either = await call(client, { accept: '*/*' });
        expect(typeOf(either)).toBe(form === 'json' ? 'application/json' : 'text/event-stream');
        await either.all();
      }
    },
  );

  test('is the same for what the gateway answers itself', async () => {
    const accept = 'text/event-stream';
    const list = await post(gateway.url, 'modern', 'tools/list', {}, { accept });
    expect(typeOf(list)).toBe('text/event-stream');
    expect(await list.all()).toMatchObject([{ id: 'client-id', result: { tools: [] } }]);
    const hello = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    };
    const opened = await post(gateway.url, 'legacy', 'initialize', hello, { accept });
    expect(opened.headers.get('mcp-session-id')).not.toBeNull();
    expect(await opened.all()).toMatchObject([{ result: { protocolVersion: '2025-06-18' } }]);
    // A status says more than a stream.
    const wrong = await post(gateway.url, 'modern', 'ping', {}, { accept });
    expect([wrong.status, typeOf(wrong)]).toEqual([404, 'application/json']);
  });

  test('is a stream for a client that accepts only JSON, when the server sends it a request', async () => {
    const upstream = await registered('legacy', (response, { message: { id } }) => {
      const ask = rpc({ id: 7, method: 'elicitation/create', params: { message: 'Sure?' } });
      events(response, `data: ${note}\n\ndata: ${ask}\n\ndata: ${rpc({ id, result: done })}\n\n`);
    });
    const hello = {
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: {} },
      clientInfo: { name: 'c', version: '1' },
    };
    const opened = await post(gateway.url, 'legacy', 'initialize', hello);
    await opened.all();
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    const answer = await call('legacy', { accept: 'application/json', ...session });
    expect(typeOf(answer)).toBe('text/event-stream');
    expect(await answer.all()).toMatchObject([
      { method: 'elicitation/create', params: { message: 'Sure?' } },
      { id: 'client-id', result: { content: done.content } },
    ]);
    expect(upstream.calls()).toHaveLength(1);
  });
});

test.each(['2024-11-05', '2025-03-26'])('a client of %s connects and calls', async (protocolVersion) => {
  await registered('modern', whole(ordinary));
  const hello = { protocolVersion, capabilities: {}, clientInfo: { name: 'old', version: '1' } };
  // Clients of this revision send no header for it; later SDKs do.
  for (const headers of [{}, { 'mcp-protocol-version': protocolVersion }]) {
    const opened = await post(gateway.url, 'legacy', 'initialize', hello, headers);
    expect(await opened.all()).toMatchObject([{ result: { protocolVersion } }]);
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    expect(await last(call('legacy', { ...headers, ...session }))).toMatchObject({
      result: { content: done.content },
    });
  }
});
