import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Readonly<Record<string, unknown>>;

/** A tool of a server made for a test: how it is listed, and what a call of it gives. */
export interface MadeTool {
  readonly listed: Json & { readonly name: string };
  readonly result: Json;
}

export interface UpstreamServer {
  readonly url: string;
  /** Names of the tools that were called. */
  readonly called: readonly string[];
  close(): Promise<void>;
}

/** An MCP server of the 2026 era with just these tools, which may be wrong in any way that an SDK would not allow. */
export async function startUpstreamServer(tools: readonly MadeTool[]): Promise<UpstreamServer> {
  const called: string[] = [];
  const results: Readonly<Record<string, (params: Json) => Json>> = {
    'server/discover': () => ({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }),
    'tools/list': () => ({ tools: tools.map(({ listed }) => listed), ttlMs: 0, cacheScope: 'private' }),
    'tools/call': ({ name }) => {
      called.push(String(name));
      return tools.find(({ listed }) => listed.name === name)?.result ?? {};
    },
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = parsed(Buffer.concat(chunks).toString());
      if (!message) {
        response.writeHead(400).end();
        return;
      }
      const { id, method, params } = message;
      const result = {
        resultType: 'complete',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'made', version: '1' } },
        ...results[method]?.(params),
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    called,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => {
          done();
        });
      }),
  };
}

/** Undefined for a body that is not JSON, such as some checks of servers send. */
function parsed(text: string): { id: number; method: string; params: Json } | undefined {
  try {
    return JSON.parse(text || '{}') as { id: number; method: string; params: Json };
  } catch {
    return undefined;
  }
}
