import { randomUUID } from 'node:crypto';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  ElicitRequestSchema,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { serve, type Served } from '../support/serve.ts';

/*
 * A server of the official 2025 SDK, which asks as its documentation shows: not tied to the call, so that the question comes on the
 * GET stream of the session and is lost when nobody listens there.
 */

let gateway: TestGateway;
let asking: Served;
const transports = new Map<string, StreamableHTTPServerTransport>();
let getStreams = 0;

async function openTransport(): Promise<StreamableHTTPServerTransport> {
  const { server } = new McpServer({ name: 'asking', version: '1' });
  // With tools of its own it would say that they change, and be listened to for that.
  server.registerCapabilities({ tools: {} });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'ask', inputSchema: { type: 'object' } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const { progressToken } = params._meta ?? {};
    if (progressToken !== undefined) {
      await server.notification({
        method: 'notifications/progress',
        params: { progressToken, progress: 1 },
      });
    }
    const { content } = await server.elicitInput({
      message: 'Which colour?',
      requestedSchema: { type: 'object', properties: { colour: { type: 'string' } } },
    });
    return { content: [{ type: 'text', text: `It is ${String(content?.['colour'])}.` }] };
  });
  const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void transports.set(id, transport),
  });
  await server.connect(transport);
  return transport;
}

beforeAll(async () => {
  gateway = await startGateway();
  asking = await serve((request, response) => {
    if (request.method === 'GET') getStreams += 1;
    void (async () => {
      const known = transports.get(String(request.headers['mcp-session-id']));
      await (known ?? (await openTransport())).handleRequest(request, response);
    })();
  });
  await gateway.register('asking', asking.url);
});
afterAll(async () => {
  await gateway.close();
  await asking.close();
});

async function connected(url: string, capabilities: object) {
  const client = new Client({ name: 'c', version: '1' }, { capabilities });
  if ('elicitation' in capabilities) {
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { colour: 'blue' } }));
  }
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  return client;
}

describe.each([
  { place: 'its own endpoint', url: () => gateway.urlOf('asking'), name: 'ask' },
  { place: 'the aggregate endpoint', url: () => gateway.url, name: 'asking__ask' },
])('at $place', ({ url, name }) => {
  test('a question beside the stream of the call reaches the client, in the first call too, and its answer the server', async () => {
    const client = await connected(url(), { elicitation: {} });
    // Every real client lists what there is before it calls it.
    await client.listTools();
    for (let time = 0; time < 2; time++) {
      const { content } = await client.callTool({ name });
      expect(content).toEqual([{ type: 'text', text: 'It is blue.' }]);
    }
    await client.close();
  });

  test('a question beside the stream of the call reaches a 2026 client, and its answer the server', async () => {
    const client = new ModernClient(
      { name: 'c', version: '1' },
      { capabilities: { elicitation: {} }, versionNegotiation: { mode: 'auto' } },
    );
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept' as const,
      content: { colour: 'blue' },
    }));
    await client.connect(new ModernTransport(new URL(url())));
    for (let time = 0; time < 2; time++) {
      const { content } = await client.callTool({ name, arguments: {} });
      expect(content).toEqual([{ type: 'text', text: 'It is blue.' }]);
    }
    const side = await Promise.all([1, 2, 3].map(() => client.callTool({ name, arguments: {} })));
    for (const { content } of side) expect(content).toEqual([{ type: 'text', text: 'It is blue.' }]);
    await client.close();
  });

  test('progress beside the stream of the call has the token of the client', async () => {
    const client = await connected(url(), { elicitation: {} });
    await client.listTools();
    const heard: number[] = [];
    await client.callTool({ name }, undefined, { onprogress: ({ progress }) => heard.push(progress) });
    expect(heard).toEqual([1]);
    await client.close();
  });

  test('nobody listens for a client that cannot be asked', async () => {
    const before = getStreams;
    const client = await connected(url(), {});
    await client.listTools();
    const result = await client.callTool({ name }).catch((error: unknown) => String(error));
    expect(JSON.stringify(result)).toContain('does not support');
    expect(getStreams).toBe(before);
    await client.close();
  });
});
