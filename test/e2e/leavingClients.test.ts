import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HandmadeUpstream, handmadeUpstream, json, openEvents } from '../support/handmadeUpstream.ts';
import { managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

/** A call of these tools is never answered. One says nothing at all, the other begins an event stream. */
const tools = ['silent', 'streaming'];

let topology: SharedTopology;
let upstream: HandmadeUpstream;
let authorization: string;

beforeAll(async () => {
  topology = await useSharedTopology();
  upstream = await handmadeUpstream(
    (response, { message }) => {
      if (message.params?.['name'] === 'streaming') openEvents(response);
    },
    {
      'server/discover': (response, { message }) => {
        const error = { code: -32601, message: 'There is no such method.' };
        json(response, { jsonrpc: '2.0', id: message.id, error }, 404);
      },
      'tools/list': (response, { message }) => {
        const listed = tools.map((name) => ({ name, inputSchema: { type: 'object' } }));
        json(response, { jsonrpc: '2.0', id: message.id, result: { tools: listed } });
      },
      GET: (response) => response.writeHead(405).end(),
    },
  );
  const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  const { body } = await admin.post('/servers?wait=20', { slug: 'leaving', url: upstream.url });
  expect(body).toMatchObject({ status: 'active' });
  authorization = `Bearer ${await topology.mint({ role: 'User' })}`;
});
afterAll(async () => {
  await topology.stop();
  await upstream.close();
});

/** A process that makes one call and waits for the answer. */
function startClient(name: string) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, _meta: meta } };
  const request = {
    method: 'POST',
    headers: {
      authorization,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    body: JSON.stringify(message),
  };
  const url = `${topology.urls.mcp}/servers/leaving/mcp`;
  const code = `fetch(${JSON.stringify(url)}, ${JSON.stringify(request)}).then((answer) => answer.text())`;
  return spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
}

test.each(tools)('a client that is killed during a call (%s) ends it at the server', async (name) => {
  const before = upstream.calls().length;
  const cancelled = () =>
    upstream.received.filter(({ message }) => message.method === 'notifications/cancelled');
  const told = cancelled().length;
  const client = startClient(name);
  await expect.poll(() => upstream.calls().length, { timeout: 10_000 }).toBe(before + 1);
  client.kill('SIGKILL');
  await expect.poll(() => cancelled().length, { timeout: 1_000 }).toBe(told + 1);
  expect(cancelled().at(-1)?.message.params).toEqual({ requestId: upstream.calls().at(-1)?.message.id });
});
