import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { type DemoOptions, type DemoServer, runDemo, serveEndpoint } from './serve.ts';

const items = [
  { sku: 'BOLT-M6', name: 'Hex bolt M6 x 20, zinc', stock: 1240, warehouse: 'Leipzig' },
  { sku: 'BOLT-M8', name: 'Hex bolt M8 x 40, zinc', stock: 310, warehouse: 'Leipzig' },
  { sku: 'NUT-M6', name: 'Hex nut M6, stainless', stock: 2200, warehouse: 'Rotterdam' },
  { sku: 'HINGE-90', name: 'Cabinet hinge 90 mm', stock: 0, warehouse: 'Rotterdam' },
  { sku: 'GLUE-PU', name: 'PU wood glue 250 ml', stock: 57, warehouse: 'Leipzig' },
];

/** A small inventory, on the SDK of the 2025 era, with a session for each client. */
export async function startLegacyServer({ port }: DemoOptions): Promise<DemoServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  return serveEndpoint(port, async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (id !== undefined && known === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (known !== undefined) {
      await known.handleRequest(request, response);
      return;
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (sessionId) => void sessions.set(sessionId, transport),
      onsessionclosed: (sessionId) => void sessions.delete(sessionId),
    });
    await createInventory().connect(transport);
    await transport.handleRequest(request, response);
  });
}

function createInventory(): McpServer {
  const server = new McpServer(
    { name: 'demo-inventory', title: 'Demo inventory', version: '1.0.0' },
    {
      instructions: 'Looks up what a small hardware wholesaler has in stock.',
      capabilities: { logging: {} },
    },
  );
  server.registerTool(
    'search_items',
    {
      title: 'Search items',
      description: 'Finds items whose name or SKU contains the text.',
      inputSchema: { text: z.string().describe('For instance "bolt"') },
      outputSchema: { found: z.array(z.object({ sku: z.string(), name: z.string() })) },
      annotations: { readOnlyHint: true },
    },
    ({ text }) => {
      const wanted = text.toLowerCase();
      const found = items
        .filter(({ sku, name }) => `${sku} ${name}`.toLowerCase().includes(wanted))
        .map(({ sku, name }) => ({ sku, name }));
      return { content: [{ type: 'text', text: JSON.stringify(found) }], structuredContent: { found } };
    },
  );
  server.registerTool(
    'get_item',
    {
      title: 'Get item',
      description: 'Tells stock and warehouse of one item.',
      inputSchema: { sku: z.string() },
      annotations: { readOnlyHint: true },
    },
    ({ sku }) => {
      const item = items.find((candidate) => candidate.sku === sku);
      return item === undefined
        ? { content: [{ type: 'text', text: `There is no item ${sku}.` }], isError: true }
        : { content: [{ type: 'text', text: JSON.stringify(item) }] };
    },
  );
  server.registerTool(
    'count_slowly',
    {
      title: 'Count slowly',
      description: 'Counts the stock item by item and reports progress.',
      inputSchema: {
        steps: z.number().int().min(1).max(100).default(items.length),
        pauseMs: z.number().int().min(0).max(5_000).default(200),
      },
    },
    async ({ steps, pauseMs }, { _meta: meta, sendNotification, signal }) => {
      for (let step = 1; step <= steps && !signal.aborted; step++) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        await sendNotification({
          method: 'notifications/message',
          params: { level: 'info', logger: 'count', data: `counted ${step}` },
        });
        if (meta?.progressToken !== undefined) {
          await sendNotification({
            method: 'notifications/progress',
            params: { progressToken: meta.progressToken, progress: step, total: steps },
          });
        }
      }
      return { content: [{ type: 'text', text: `Counted ${steps} items.` }] };
    },
  );
  return server;
}

if (import.meta.main) await runDemo('demo-legacy', startLegacyServer);
