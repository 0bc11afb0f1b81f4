import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
// The transport is deprecated, which is why the gateway speaks it: servers of this kind are still about.
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { discoverServer } from '../../shared/gateway/catalogue/discovery.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { post } from '../support/rawClient.ts';
import { serve, type Served } from '../support/serve.ts';

/* Servers that speak only the HTTP+SSE transport of 2024-11-05, made with the SDK's own. */

let gateway: TestGateway;
let old: Served;
let open = 0;
/** The messages that servers got. */
const received: { method?: string; id?: unknown; params?: object | undefined }[] = [];

async function startOldServer(): Promise<Served> {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK has no other server of this transport
  const transports = new Map<string, SSEServerTransport>();
  return serve((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
      if (request.method === 'GET' && pathname === '/mcp') {
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK has no other server of this transport
        const transport = new SSEServerTransport('/messages', response);
        transports.set(transport.sessionId, transport);
        open += 1;
        response.on('close', () => (open -= 1));
        const server = new McpServer({ name: 'old', version: '1' });
        server.registerTool('greet', { description: 'Greets' }, () => ({
          content: [{ type: 'text', text: 'hello' }],
        }));
        server.registerTool('count', { description: 'Counts' }, async ({ _meta, sendNotification }) => {
          for (const progress of [1, 2]) {
            const progressToken = _meta?.progressToken ?? 0;
            await sendNotification({
              method: 'notifications/progress',
              params: { progressToken, progress, total: 2 },
            });
          }
          return { content: [{ type: 'text', text: 'counted' }] };
        });
        server.registerTool(
          'wait',
          { description: 'Never answers' },
          () => new Promise<never>(() => undefined),
        );
        await server.connect(transport);
        const take = transport.onmessage;
        transport.onmessage = (message, extra) => {
          received.push(message);
          take?.(message, extra);
        };
      } else if (request.method === 'POST' && pathname === '/messages') {
        await transports.get(searchParams.get('sessionId') ?? '')?.handlePostMessage(request, response);
      } else response.writeHead(405).end();
    })();
  });
}

beforeAll(async () => {
  [gateway, old] = await Promise.all([startGateway(), startOldServer()]);
  await gateway.register('old', old.url);
});
afterAll(async () => {
  await Promise.all([gateway.close(), old.close()]);
});

const outbound = openOutboundClient('private_allowed');
afterAll(() => outbound.close());
const discover = (url: string) =>
  discoverServer(
    { tenantId: 't1', url },
    { outboundTo: () => outbound, clock: systemClock },
    AbortSignal.timeout(5_000),
  );

test('is found, with its tools, and its stream is closed', async () => {
  expect(await discover(old.url)).toMatchObject({
    ok: true,
    value: {
      era: 'legacy',
      transport: 'sse',
      protocolVersion: '2024-11-05',
      serverInfo: { name: 'old' },
      capabilities: { tools: {} },
      tools: [{ name: 'greet' }, { name: 'count' }, { name: 'wait' }],
    },
  });
  await expect.poll(() => open).toBe(0);
});

describe.each(['legacy', 'modern'] as const)('a %s client', (era) => {
  test('calls its tools, and leaves no stream open', async () => {
    const [answer] = await (await post(gateway.url, era, 'tools/call', { name: 'old__greet' })).all();
    expect(answer).toMatchObject({ id: 'client-id', result: { content: [{ text: 'hello' }] } });
    await expect.poll(() => open).toBe(0);
  });

  test('hears of progress under its own token, and leaves no stream open', async () => {
    const params = { name: 'old__count', _meta: { progressToken: 'mine' } };
    const all = await (await post(gateway.url, era, 'tools/call', params)).all();
    expect(all).toMatchObject([
      { params: { progressToken: 'mine', progress: 1 } },
      { params: { progressToken: 'mine', progress: 2 } },
      { id: 'client-id', result: { content: [{ text: 'counted' }] } },
    ]);
    await expect.poll(() => open).toBe(0);
  });
});

test('is told when the client of a call leaves, before its stream is closed', async () => {
  const abort = new AbortController();
  const gone = post(gateway.url, 'modern', 'tools/call', { name: 'old__wait' }, {}, abort.signal)
    .then((answer) => answer.all())
    .catch(() => undefined);
  await expect.poll(() => received.at(-1)).toMatchObject({ method: 'tools/call', params: { name: 'wait' } });
  const call = received.at(-1);
  abort.abort();
  await gone;
  await expect
    .poll(() => received.at(-1))
    .toMatchObject({ method: 'notifications/cancelled', params: { requestId: call?.id } });
  await expect.poll(() => open).toBe(0);
});

test.each([
  { why: 'another origin', says: (thief: string) => `event: endpoint\ndata: ${thief}\n\n` },
  { why: 'no URL', says: () => 'event: endpoint\ndata: http://\n\n' },
  { why: 'nothing before it ends', says: () => '' },
])('that wants its messages sent to $why is sent none', async ({ says }) => {
  const posts: string[] = [];
  const thief = await serve((request, response) => {
    posts.push(`stolen ${request.url ?? ''}`);
    response.writeHead(202).end();
  });
  const bad = await serve((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(says(thief.url));
    } else {
      posts.push(request.url ?? '');
      response.writeHead(405).end();
    }
  });
  expect(await discover(bad.url)).toMatchObject({ ok: false, error: { kind: 'invalid' } });
  // The two attempts with the newer transports.
  expect(posts).toEqual(['/mcp', '/mcp']);
  await Promise.all([bad.close(), thief.close()]);
});

test('that breaks off is named with the cause', async () => {
  const bad = await serve((request, response) => {
    if (request.method === 'POST') response.writeHead(202).end();
    else {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\ndata: /messages\n\n');
      setTimeout(() => response.destroy(), 20);
    }
  });
  const found = await discover(old.url);
  if (!found.ok) throw new Error(found.error.message);
  await gateway.register('broken', bad.url, { discovery: found.value });
  const [answer] = await (await post(gateway.url, 'legacy', 'tools/call', { name: 'broken__greet' })).all();
  expect(answer?.error?.data).toMatchObject({ server: 'broken', kind: 'closed' });
  await bad.close();
});

test('that sends heartbeats, ids as text and a batch, after a redirect, is found and called', async () => {
  let stream: ServerResponse | undefined;
  const ids: unknown[] = [];
  const results: Record<string, object> = {
    initialize: { protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: {} },
    'tools/list': { tools: [{ name: 'greet', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: 'hello' }] },
  };
  const odd = await serve((request, response) => {
    void (async () => {
      if (request.url === '/mcp') {
        response.writeHead(307, { location: '/mcp/' }).end();
      } else if (request.method === 'GET') {
        stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
        stream.write('data: {"type":"heartbeat"}\n\nevent: endpoint\ndata: /messages\n\n');
      } else if (request.url === '/messages') {
        const { id, method } = JSON.parse(await text(request)) as { id?: number; method: string };
        response.writeHead(202).end();
        if (id === undefined) return;
        ids.push(id);
        const batch = [
          { jsonrpc: '2.0', id: null, method: 'notifications/message', params: null },
          { jsonrpc: '2.0', id: String(id), result: results[method] },
        ];
        stream?.write(`data: ping\n\ndata: ${JSON.stringify(batch)}\n\n`);
      } else response.writeHead(405).end();
    })();
  });
  await gateway.register('odd', odd.url);
  const [answer] = await (await post(gateway.url, 'legacy', 'tools/call', { name: 'odd__greet' })).all();
  expect(answer).toMatchObject({ id: 'client-id', result: { content: [{ text: 'hello' }] } });
  expect(ids.every((id) => Number.isInteger(id))).toBe(true);
  await odd.close();
});
