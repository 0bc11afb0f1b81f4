import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * The barest MCP server of the 2025 era: it answers at once and costs next to nothing, so that what is measured in
 * front of it is the gateway. Runs as a process of its own and prints its URL.
 */
const results: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'bare', version: '1.0.0' },
  },
  'tools/list': {
    tools: ['echo', 'stream'].map((name) => ({ name, inputSchema: { type: 'object' } })),
  },
  'tools/call': { content: [{ type: 'text', text: 'x'.repeat(200) }] },
};

const server = createServer((request, response) => {
  void text(request).then((body) => {
    const { id, method, params } = JSON.parse(body || '{}') as {
      id?: unknown;
      method?: string;
      params?: { name?: string };
    };
    const result = results[method ?? ''];
    if (id === undefined) {
      response.writeHead(202).end();
    } else if (params?.name === 'stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const progress of [1, 2]) {
        const told = { jsonrpc: '2.0', method: 'acme/progress', params: { progress } };
        response.write(`data: ${JSON.stringify(told)}\n\n`);
      }
      response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
    } else {
      const error = { code: -32601, message: 'no such method' };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }));
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) process.send?.(`http://127.0.0.1:${address.port}/mcp`);
});
process.on('disconnect', () => process.exit());
