import { createServer, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * The barest MCP servers of one era: they answer at once and cost next to nothing, so that what is measured in front of them
 * is the gateway. Run in a process of their own, as many as the second argument says, each with as many tools more as the third
 * says; the process says their URLs.
 */
const [era = 'legacy', servers = '1', moreTools = '0'] = process.argv.slice(2);
const listed = (name: string) => ({
  name,
  description: `Does what ${name} does, as its documentation says at some length.`,
  inputSchema: { type: 'object', properties: { text: { type: 'string', description: 'What it is about.' } } },
});
const capabilities = { tools: {} };
const complete = { resultType: 'complete' };
const handshake =
  era === 'modern'
    ? {
        'server/discover': {
          ...complete,
          supportedVersions: ['2026-07-28'],
          capabilities,
          ttlMs: 60_000,
          cacheScope: 'private',
        },
      }
    : {
        initialize: {
          protocolVersion: '2025-11-25',
          capabilities,
          serverInfo: { name: 'bare', version: '1.0.0' },
        },
      };
const results: Readonly<Record<string, object>> = {
  ...handshake,
  'tools/list': {
    ...(era === 'modern' && { ...complete, ttlMs: 60_000, cacheScope: 'private' }),
    tools: [
      'echo',
      'stream',
      ...Array.from({ length: Number(moreTools) }, (_, index) => `tool-${index}`),
    ].map(listed),
  },
  'tools/call': {
    ...(era === 'modern' && complete),
    content: [{ type: 'text', text: 'x'.repeat(200) }],
  },
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
for (let number = 0; number < Number(servers); number++) {
  const server = createServer(answer).listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address) urls.push(`http://127.0.0.1:${address.port}/mcp`);
    if (urls.length === Number(servers)) process.send?.(urls);
  });
}
process.on('disconnect', () => process.exit());
