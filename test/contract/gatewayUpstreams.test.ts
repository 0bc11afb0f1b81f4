import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Era } from '../../shared/registry/records/era.ts';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import {
  discoveryOf,
  echoTool,
  type HandmadeUpstream,
  handmadeUpstream,
  json,
  openEvents,
} from '../support/handmadeUpstream.ts';
import { MODERN, post } from '../support/rawClient.ts';

const eras = ['legacy', 'modern'] as const;
const MIB = 1024 * 1024;
/** Must never reach a client: an upstream's page may hold anything. */
const SECRET = 'secret-of-the-upstream';
const ok = { resultType: 'complete', content: [] };

let gateway: TestGateway;
const open: HandmadeUpstream[] = [];

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
afterEach(async () => {
  await gateway.withdraw('bad');
  await Promise.all(open.splice(0).map((upstream) => upstream.close()));
});

async function registered(era: Era, ...made: Parameters<typeof handmadeUpstream>): Promise<HandmadeUpstream> {
  const upstream = await handmadeUpstream(...made);
  open.push(upstream);
  await gateway.register('bad', upstream.url, { discovery: discoveryOf(era) });
  return upstream;
}

const call = (era: Era = 'legacy', headers = {}, signal?: AbortSignal) =>
  post(gateway.url, era, 'tools/call', { name: 'bad__echo' }, headers, signal);

type OnCall = Parameters<typeof handmadeUpstream>[0];
interface Row {
  readonly why: string;
  readonly kind: string;
  readonly says: RegExp;
  readonly onCall: OnCall;
}

const stream = (response: ServerResponse, text: string) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(text);
};
const nestedJson = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

const rows: readonly Row[] = [
  {
    why: 'wants credentials',
    kind: 'credentials_wanted',
    says: /HTTP 401.*credentials/,
    onCall: (r) => {
      json(r, { SECRET }, 401);
    },
  },
  {
    why: 'forbids',
    kind: 'credentials_wanted',
    says: /HTTP 403/,
    onCall: (r) => {
      json(r, { SECRET }, 403);
    },
  },
  {
    why: 'is overloaded',
    kind: 'http_status',
    says: /HTTP 503/,
    onCall: (r) => r.writeHead(503).end(SECRET),
  },
  {
    why: 'redirects',
    kind: 'http_status',
    says: /HTTP 307, a redirect/,
    onCall: (r) => r.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
  },
  {
    why: 'gives a web page',
    kind: 'not_mcp',
    says: /neither JSON nor an event stream/,
    onCall: (r) => r.writeHead(200, { 'content-type': 'text/html' }).end(`<h1>${SECRET}</h1>`),
  },
  { why: 'gives nothing', kind: 'not_mcp', says: /HTTP 202/, onCall: (r) => r.writeHead(202).end() },
  {
    why: 'gives broken JSON',
    kind: 'not_mcp',
    says: /not JSON/,
    onCall: (r) => {
      json(r, `{"${SECRET}":`);
    },
  },
  {
    why: 'gives JSON that is no JSON-RPC',
    kind: 'not_mcp',
    says: /not a JSON-RPC response/,
    onCall: (r) => {
      json(r, { SECRET });
    },
  },
  {
    why: 'answers another request',
    kind: 'not_mcp',
    says: /id of another request/,
    onCall: (r) => {
      json(r, { jsonrpc: '2.0', id: 'other', result: { SECRET } });
    },
  },
  {
    why: 'nests too deep',
    kind: 'not_mcp',
    says: /nested deeper/,
    onCall: (r, { message }) => {
      json(r, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"a":${nestedJson(50_000)}}}`);
    },
  },
  {
    why: 'sends a poisoned key',
    kind: 'not_mcp',
    says: /__proto__/,
    onCall: (r, { message }) => {
      json(r, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"__proto__":{"admin":true}}}`);
    },
  },
  {
    why: 'answers with 5 MiB',
    kind: 'too_large',
    says: /more than 4194304 bytes/,
    onCall: (r, { message }) => {
      json(r, { jsonrpc: '2.0', id: message.id, result: { text: 'x'.repeat(5 * MIB) } });
    },
  },
  {
    why: 'streams one line of 5 MiB',
    kind: 'too_large',
    says: /more than 4194304 bytes/,
    onCall: (r) => {
      stream(r, `data: ${'x'.repeat(5 * MIB)}`);
    },
  },
  {
    why: 'streams 1,001 events',
    kind: 'too_large',
    says: /more than 1000 events/,
    onCall: (r) => {
      stream(r, ': x\ndata: {"jsonrpc":"2.0","method":"notifications/x"}\n\n'.repeat(1_001));
    },
  },
  {
    why: 'streams what is not JSON',
    kind: 'not_mcp',
    says: /not JSON/,
    onCall: (r) => {
      stream(r, `data: ${SECRET}\n\n`);
    },
  },
  {
    why: 'streams what is no JSON-RPC',
    kind: 'not_mcp',
    says: /not a JSON-RPC message/,
    onCall: (r) => {
      stream(r, `data: {"a":"${SECRET}"}\n\n`);
    },
  },
  {
    why: 'streams the answer to another request',
    kind: 'closed',
    says: /before it answered/,
    onCall: (r) => {
      stream(r, `data: {"jsonrpc":"2.0","id":"other","result":{"a":"${SECRET}"}}\n\n`);
    },
  },
  {
    why: 'promises fewer bytes than it sends',
    kind: 'not_mcp',
    says: /not JSON/,
    onCall: (r, { message }) => {
      const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { SECRET } });
      r.writeHead(200, { 'content-type': 'application/json', 'content-length': '20' });
      r.end(text);
    },
  },
  {
    why: 'promises a number of bytes that is none',
    kind: 'unreachable',
    says: /could not be reached/,
    onCall: (r) => r.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}'),
  },
  {
    why: 'ends the stream without an answer',
    kind: 'closed',
    says: /before it answered/,
    onCall: (r) => {
      stream(r, ': nothing\n\n');
    },
  },
  {
    why: 'breaks off in the stream',
    kind: 'closed',
    says: /closed the connection/,
    onCall: (r) => {
      openEvents(r)({ jsonrpc: '2.0', method: 'notifications/x' });
      setImmediate(() => r.destroy());
    },
  },
  {
    why: 'breaks off before the answer',
    kind: 'unreachable',
    says: /closed by the server/,
    onCall: (r) => r.destroy(),
  },
  {
    why: 'promises more bytes than it sends',
    kind: 'closed',
    says: /closed the connection/,
    onCall: (r) => {
      r.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      r.write('{');
      setImmediate(() => r.destroy());
    },
  },
];

describe.each(eras)('a %s server that', (server) => {
  /** A modern server sees it from its connection; a legacy server works on until it is told. */
  async function hearsThatItMayStop(upstream: HandmadeUpstream): Promise<void> {
    if (server === 'modern') return;
    const told = () =>
      upstream.received.find(({ message }) => message.method === 'notifications/cancelled')?.message.params;
    await expect.poll(told).toMatchObject({ requestId: upstream.calls()[0]?.message.id });
  }

  test.each(rows)(
    '$why is named with the cause, in an error for the call',
    async ({ kind, says, onCall }) => {
      await registered(server, onCall);
      for (const client of eras) {
        const answer = await call(client);
        const messages = await answer.all();
        expect(answer.status).toBe(200);
        const error = messages.at(-1)?.error;
        expect(messages.at(-1)?.id).toBe('client-id');
        expect(error?.data).toEqual({ server: 'bad', kind });
        expect(error?.message).toMatch(/^The server "bad" .*\.$/);
        expect(error?.message).toMatch(says);
        expect(JSON.stringify(messages)).not.toContain('SECRET');
        expect(JSON.stringify(messages)).not.toContain(SECRET);
        expect(gateway.log.lines.at(-1)).toMatchObject({
          event: 'upstream_failed',
          fields: { server: 'bad', kind },
        });
      }
      expect(({} as { admin?: unknown }).admin).toBeUndefined();
    },
  );

  test('hides another answer behind its answer does not have it read as the next one', async () => {
    const hidden = JSON.stringify({ jsonrpc: '2.0', id: 'client-id', result: { note: SECRET } });
    const head = (length: number) =>
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    await registered(server, (response, { message }) => {
      const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: ok });
      response.socket?.write(head(text.length) + text + head(hidden.length) + hidden);
    });
    for (let time = 0; time < 3; time++) {
      const messages = await (await call('modern')).all();
      expect(JSON.stringify(messages)).not.toContain(SECRET);
    }
  });

  test('sends its answer in single bytes is understood', async () => {
    await registered(server, (response, { message }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      const bytes = Buffer.from(
        `\uFEFFevent: message\r\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { ...ok, note: 'ä€😀' } })}\r\n\r\n`,
      );
      for (const byte of bytes) response.write(Buffer.from([byte]));
      response.end();
    });
    expect((await (await call()).all()).at(-1)?.result?.['note']).toBe('ä€😀');
  });

  test('opens with an empty event and sends others that are not MCP is understood', async () => {
    await registered(server, (response, { message }) => {
      const answer = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: ok });
      stream(response, `id: 1\nretry: 5\ndata:\n\nevent: ping\ndata: now\n\ndata: ${answer}\n\n`);
    });
    expect(await (await call()).all()).toMatchObject([{ id: 'client-id', result: { content: [] } }]);
  });

  test('floods is cut off', async () => {
    let cut: Promise<unknown> | undefined;
    const upstream = await registered(server, (response) => {
      cut = once(response, 'close');
      const event = openEvents(response);
      const flood = () => {
        while (!response.destroyed && response.writable) {
          event({ jsonrpc: '2.0', method: 'notifications/x' });
          if (response.writableNeedDrain) return void response.once('drain', flood);
        }
      };
      flood();
    });
    expect((await (await call()).all()).at(-1)?.error?.data).toMatchObject({ kind: 'too_large' });
    await cut;
    await hearsThatItMayStop(upstream);
  });

  test('is left alone when the client has gone', async () => {
    let cut: Promise<unknown> | undefined;
    const upstream = await registered(server, (response) => {
      cut = once(response, 'close');
      openEvents(response)({ jsonrpc: '2.0', method: 'acme/hello' });
    });
    const gone = new AbortController();
    const answer = await call('modern', {}, gone.signal);
    await answer.messages.next();
    gone.abort();
    await cut;
    await hearsThatItMayStop(upstream);
  });

  test('ends its streams keeps its connection', async () => {
    const ports = new Set<number | undefined>();
    await registered(server, (response, { message }) => {
      ports.add(response.socket?.remotePort);
      openEvents(response)({ jsonrpc: '2.0', id: message.id, result: ok });
      response.end();
    });
    for (let index = 0; index < 5; index++) await (await call()).all();
    expect(ports.size).toBe(1);
  });
});

describe('a modern server', () => {
  test.each([
    { code: -32020, client: 'modern', expected: { status: 200, code: -32603 } },
    { code: -32022, client: 'legacy', expected: { status: 200, code: -32603 } },
    { code: -32021, client: 'modern', expected: { status: 400, code: -32021 } },
    { code: -32601, client: 'modern', expected: { status: 404, code: -32601 } },
  ] as const)(
    'that refuses with $code: a $client client gets $expected',
    async ({ code, client, expected }) => {
      await registered('modern', (response, { message }) => {
        const error = { code, message: 'refused', data: { requiredCapabilities: { sampling: {} } } };
        json(response, { jsonrpc: '2.0', id: message.id, error }, code === -32601 ? 404 : 400);
      });
      const answer = await call(client);
      expect({ status: answer.status, code: (await answer.all())[0]?.error?.code }).toEqual(expected);
    },
  );

  test('gets no answer to a request that it must not make', async () => {
    const upstream = await registered('modern', (response, { message }) => {
      const event = openEvents(response);
      event({ jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: {} });
      event({ jsonrpc: '2.0', id: message.id, result: ok });
      response.end();
    });
    expect(await (await call('modern')).all()).toMatchObject([{ id: 'client-id', result: ok }]);
    expect(upstream.received).toHaveLength(1);
  });
});

describe('a legacy server that closes the stream of a call before its answer', () => {
  /** Sends what it is given on the stream of the call, and the answer on one that is opened after it. */
  async function polled(first: string, onGet: (response: ServerResponse, id: unknown) => void) {
    let id: unknown;
    return registered(
      'legacy',
      (response, { message }) => {
        id = message.id;
        stream(response, first);
      },
      {
        GET: (response) => {
          onGet(response, id);
        },
      },
    );
  }
  const answerOn = (response: ServerResponse, id: unknown) => {
    stream(response, `id: e2\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result: ok })}\n\n`);
  };
  const gets = (upstream: HandmadeUpstream) => upstream.received.filter(({ method }) => method === 'GET');

  test('is asked again after its last event, in its session', async () => {
    const upstream = await polled('id: e1\nretry: 100\ndata:\n\n', answerOn);
    expect((await (await call('modern')).all()).at(-1)).toMatchObject({ id: 'client-id', result: ok });
    expect(
      gets(upstream).map(({ headers }) => [headers['last-event-id'], headers['mcp-session-id']]),
    ).toEqual([['e1', 'session-1']]);
  });

  test('may do so again and again', async () => {
    let left = 3;
    const upstream = await polled('id: e1\nretry: 1\ndata:\n\n', (response, id) => {
      if (left-- > 0) stream(response, `id: again-${left}\nretry: 1\ndata:\n\n`);
      else answerOn(response, id);
    });
    expect((await (await call()).all()).at(-1)?.result).toMatchObject({ content: [] });
    expect(gets(upstream).map(({ headers }) => headers['last-event-id'])).toEqual([
      ...['e1', 'again-2', 'again-1', 'again-0'],
    ]);
  });

  test.each<{ why: string; onGet: (response: ServerResponse) => void }>([
    { why: 'offers no such stream', onGet: (response) => response.writeHead(405).end() },
    {
      why: 'says nothing more there',
      onGet: (response) => {
        stream(response, ': nothing\n\n');
      },
    },
  ])('and then $why is named with the cause', async ({ onGet }) => {
    const upstream = await polled('id: e1\nretry: 1\ndata:\n\n', onGet);
    expect((await (await call()).all()).at(-1)?.error?.data).toEqual({ server: 'bad', kind: 'closed' });
    expect(gets(upstream)).toHaveLength(1);
  });

  test('gives an id that breaks headers, and is not asked again', async () => {
    const upstream = await polled('id: é \u0001\nretry: 1\ndata:\n\n', answerOn);
    expect((await (await call()).all()).at(-1)?.error?.data).toEqual({ server: 'bad', kind: 'closed' });
    expect(gets(upstream)).toEqual([]);
  });
});

describe('sessions of a legacy server', () => {
  const answer: OnCall = (response, { message }) => {
    json(response, { jsonrpc: '2.0', id: message.id, result: ok });
  };
  const methods = (upstream: HandmadeUpstream) => upstream.received.map(({ message }) => message.method);

  test('first calls that come together share one handshake, and ids never repeat in it', async () => {
    const upstream = await registered('legacy', answer);
    await Promise.all(Array.from({ length: 5 }, async () => (await call()).all()));
    expect(methods(upstream).filter((method) => method === 'initialize')).toHaveLength(1);
    expect(methods(upstream).slice(0, 2)).toEqual(['initialize', 'notifications/initialized']);
    expect(new Set(upstream.calls().map(({ message }) => message.id)).size).toBe(5);
    expect(upstream.received[0]?.message.params).toMatchObject({ capabilities: {} });
    for (const { headers } of upstream.calls()) expect(headers['mcp-session-id']).toBe('session-1');
  });

  test('are one for each user', async () => {
    const upstream = await registered('legacy', answer);
    for (const user of ['alice', 'bob', 'alice']) await (await call('legacy', { 'x-user': user })).all();
    expect(upstream.calls().map(({ headers }) => headers['mcp-session-id'])).toEqual([
      'session-1',
      'session-2',
      'session-1',
    ]);
  });

  test.each([404, 400])(
    'that the server forgot (HTTP %i) are opened again once, and the call repeated',
    async (status) => {
      const upstream = await registered('legacy', (response, received) => {
        if (received.headers['mcp-session-id'] === 'session-1') response.writeHead(status).end();
        else answer(response, received);
      });
      const answers = await Promise.all(Array.from({ length: 3 }, async () => (await call()).all()));
      for (const [one] of answers) expect(one?.result).toMatchObject({ content: [] });
      expect(methods(upstream).filter((method) => method === 'initialize')).toHaveLength(2);
    },
  );

  test('are not opened for ever', async () => {
    const upstream = await registered('legacy', (response) => response.writeHead(404).end());
    expect((await (await call()).all())[0]?.error?.data).toMatchObject({ kind: 'http_status' });
    expect(methods(upstream).filter((method) => method === 'initialize')).toHaveLength(2);
  });

  test('that could not be opened are tried again by the next call', async () => {
    let refusals = 1;
    await registered('legacy', answer, {
      initialize: (response, { message }) => {
        if (refusals-- > 0) response.writeHead(500).end();
        else
          json(response, {
            jsonrpc: '2.0',
            id: message.id,
            result: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {} },
          });
      },
    });
    expect((await (await call()).all())[0]?.error?.data).toMatchObject({ kind: 'http_status' });
    expect((await (await call()).all())[0]?.result).toMatchObject({ content: [] });
  });

  test.each([
    { why: 'an unknown version', result: { protocolVersion: '1999-01-01' }, headers: {} },
    {
      why: 'an id that breaks headers',
      result: { protocolVersion: '2025-11-25' },
      headers: { 'mcp-session-id': 'a b' },
    },
  ])('with $why are refused', async ({ result, headers }) => {
    await registered('legacy', answer, {
      initialize: (response, { message }) => {
        json(response, { jsonrpc: '2.0', id: message.id, result }, 200, headers);
      },
    });
    expect((await (await call()).all())[0]?.error?.data).toMatchObject({ kind: 'not_mcp' });
  });

  test('refuse what the server asks of a client, and answer its ping', async () => {
    const upstream = await registered('legacy', (response, { message }) => {
      const event = openEvents(response);
      event({ jsonrpc: '2.0', id: 'q1', method: 'sampling/createMessage', params: {} });
      event({ jsonrpc: '2.0', id: 'q2', method: 'ping' });
      event({ jsonrpc: '2.0', id: message.id, result: ok });
      response.end();
    });
    expect(await (await call('modern')).all()).toMatchObject([{ id: 'client-id' }]);
    expect(
      upstream.received.map(({ message }) => message).filter(({ id }) => String(id).startsWith('q')),
    ).toMatchObject([
      { id: 'q1', error: { code: -32601 } },
      { id: 'q2', result: {} },
    ]);
  });
});

test('a server that does not answer keeps its tools in the list, which names it as degraded', async () => {
  const apart = await startGateway();
  await apart.register('gone', 'http://127.0.0.1:9/mcp', { discovery: discoveryOf('modern') });
  await apart.register('quiet', 'http://127.0.0.1:9/mcp', { discovery: discoveryOf('modern') });
  const list = async () => (await (await post(apart.url, 'legacy', 'tools/list')).all())[0]?.result;
  expect(await list()).not.toHaveProperty('_meta');
  for (let time = 0; time < 6; time++) {
    await (await post(apart.url, 'legacy', 'tools/call', { name: 'gone__echo' })).all();
  }
  const [refused] = await (await post(apart.url, 'legacy', 'tools/call', { name: 'gone__echo' })).all();
  expect(refused?.error).toMatchObject({ code: -31503, data: { server: 'gone', kind: 'resting' } });
  const [modern] = await (await post(apart.url, 'modern', 'tools/list')).all();
  // It is worth to look again when the server is tried again.
  expect(modern?.result).toMatchObject({ ttlMs: 15_000, cacheScope: 'private' });
  expect(await list()).toMatchObject({
    tools: [{ name: 'gone__echo' }, { name: 'quiet__echo' }],
    _meta: { 'mcp-registry-gateway/degraded': ['gone'] },
  });
  await apart.close();
});

describe('what was believed of a server', () => {
  const params = { name: 'changed__echo', arguments: { region: 'eu' } };
  const answered: OnCall = (response, { message }) => {
    json(response, { jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text: 'yes' }] } });
  };
  const refused = (response: ServerResponse, id: unknown, code: number) => {
    const data = { supported: ['2025-11-25'], requested: MODERN };
    json(response, { jsonrpc: '2.0', id, error: { code, message: 'no', data } }, 400);
  };
  const region = { type: 'string', 'x-mcp-header': 'Region' };
  const tools = [{ name: 'echo', inputSchema: { type: 'object', properties: { region } } }];
  const say =
    (result: object): OnCall =>
    (response, { message }) => {
      json(response, { jsonrpc: '2.0', id: message.id, result });
    };

  test.each(eras)('about its headers is found anew when it refuses them, for a %s client', async (client) => {
    const apart = await startGateway();
    const upstream = await handmadeUpstream(
      (response, received) => {
        if (received.headers['mcp-param-region'] === 'eu') answered(response, received);
        else refused(response, received.message.id, -32020);
      },
      {
        'server/discover': say({ supportedVersions: [MODERN], capabilities: { tools: {} } }),
        'tools/list': say({ tools }),
      },
    );
    await apart.register('changed', upstream.url, { discovery: discoveryOf('modern') });
    const [answer] = await (await post(apart.url, client, 'tools/call', params)).all();
    expect(answer?.result).toMatchObject({ content: [{ text: 'yes' }] });
    expect(upstream.calls()).toHaveLength(2);
    await Promise.all([apart.close(), upstream.close()]);
  });

  test.each(eras)(
    'as one that opens sessions is found anew when it refuses to, for a %s client',
    async (client) => {
      const apart = await startGateway();
      const upstream = await handmadeUpstream(
        (response, received) => {
          if (received.headers['mcp-protocol-version'] === MODERN) answered(response, received);
          else refused(response, received.message.id, -32022);
        },
        {
          initialize: (response, { message }) => {
            refused(response, message.id, -32022);
          },
          'server/discover': say({ supportedVersions: [MODERN], capabilities: { tools: {} } }),
          'tools/list': say({ tools: [echoTool] }),
        },
      );
      await apart.register('changed', upstream.url, { discovery: discoveryOf('legacy') });
      const [answer] = await (await post(apart.url, client, 'tools/call', params)).all();
      expect(answer?.result).toMatchObject({ content: [{ text: 'yes' }] });
      expect((await apart.servers.find(tenantId, 'changed'))?.value.discovery?.era).toBe('modern');
      await Promise.all([apart.close(), upstream.close()]);
    },
  );

  test.each(eras)('about its era is found anew when it refuses that, for a %s client', async (client) => {
    const apart = await startGateway();
    const upstream = await handmadeUpstream(
      (response, received) => {
        if (received.headers['mcp-session-id'] !== undefined) answered(response, received);
        else refused(response, received.message.id, -32022);
      },
      {
        'server/discover': (response, { message }) => {
          refused(response, message.id, -32022);
        },
        'tools/list': say({ tools: [echoTool] }),
      },
    );
    await apart.register('changed', upstream.url, { discovery: discoveryOf('modern') });
    const [answer] = await (await post(apart.url, client, 'tools/call', params)).all();
    expect(answer?.result).toMatchObject({ content: [{ text: 'yes' }] });
    expect('resultType' in (answer?.result ?? {})).toBe(client === 'modern');
    expect((await apart.servers.find(tenantId, 'changed'))?.value.discovery?.era).toBe('legacy');
    await Promise.all([apart.close(), upstream.close()]);
  });
});

test('a server is called in the revision that its record names', async () => {
  const upstream = await handmadeUpstream((response, { message }) => {
    json(response, { jsonrpc: '2.0', id: message.id, result: ok });
  });
  open.push(upstream);
  const discovery = { ...discoveryOf('modern'), protocolVersion: '2026-12-01' };
  await gateway.register('bad', upstream.url, { discovery });
  await call();
  const [received] = upstream.calls();
  expect(received?.headers['mcp-protocol-version']).toBe('2026-12-01');
  expect(received?.message.params?.['_meta']).toMatchObject({
    'io.modelcontextprotocol/protocolVersion': '2026-12-01',
  });
});
