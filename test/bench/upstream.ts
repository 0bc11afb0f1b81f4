import { createServer, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * The barest MCP servers of the 2025 era: they answer at once and cost next to nothing, so that what is measured in front of
 * them is the gateway. Run in a process of their own, as many as the first argument says, each with as many tools more as
 * the second says; the process says their URLs.
 */
const [servers = 1, moreTools = 0] = process.argv.slice(2).map(Number);
const listed = (name: string) => ({
  name,
  description: `Does what ${name} does, as its documentation says at some length.`,
  inputSchema: { type: 'object', properties: { text: { type: 'string', description: 'What it is about.' } } },
});
const results: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'bare', version: '1.0.0' },
  },
  'tools/list': {
    tools: ['echo', 'stream', ...Array.from({ length: moreTools }, (_, index) => `tool-${index}`)].map(
      listed,
    ),
  },
  'tools/call': { content: [{ type: 'text', text: 'x'.repeat(200) }] },
};

const answer: RequestListener = (request, response) => {
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
};

const urls: string[] = [];
for (let number = 0; number < servers; number++) {
  const server = createServer(answer).listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address) urls.push(`http://127.0.0.1:${address.port}/mcp`);
    if (urls.length === servers) process.send?.(urls);
  });
}
process.on('disconnect', () => process.exit());
