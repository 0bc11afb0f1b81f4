import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Era } from '../../shared/registry/records/era.ts';
import type { Discovery, Tool } from '../../shared/registry/records/server.ts';
import { MODERN } from './rawClient.ts';
import { serve, type Served } from './serve.ts';

/** What a probe would have found, for an upstream that is made by hand. */
export function discoveryOf(era: Era, tools: readonly Tool[] = [echoTool]): Discovery {
  return {
    era,
    protocolVersion: era === 'modern' ? MODERN : '2025-11-25',
    serverInfo: { name: 'handmade', version: '1' },
    capabilities: { tools: {} },
    tools: [...tools],
    discoveredAt: new Date().toISOString(),
  };
}

export const echoTool: Tool = { name: 'echo', inputSchema: { type: 'object' } };

/** One request to an upstream that is made by hand. */
export interface Received {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  /** The text of the message. */
  readonly body: string;
  readonly message: {
    readonly id?: unknown;
    readonly method?: string;
    readonly params?: Record<string, unknown>;
  };
}
type Reply = (response: ServerResponse, received: Received) => void;

export interface HandmadeUpstream extends Served {
  readonly received: Received[];
  /** Those that were `tools/call`. */
  calls(): Received[];
}

/** An upstream that does the legacy handshake as it should, and answers `tools/call` as the test says. */
export async function handmadeUpstream(
  onCall: Reply,
  others: Record<string, Reply> = {},
  onUrl: (url: string) => void = () => undefined,
): Promise<HandmadeUpstream> {
  const received: Received[] = [];
  let sessions = 0;
  const replies: Record<string, Reply> = {
    initialize: (response, { message }) => {
      sessions += 1;
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'handmade', version: '1' },
      };
      json(response, { jsonrpc: '2.0', id: message.id, result }, 200, {
        'mcp-session-id': `session-${sessions}`,
      });
    },
    'tools/call': onCall,
    ...others,
  };
  const served = await serve((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString('utf8');
      const one: Received = {
        method: request.method ?? '',
        headers: request.headers,
        body,
        message: body === '' ? {} : (JSON.parse(body) as Received['message']),
      };
      received.push(one);
      onUrl(request.url ?? '');
      const reply = replies[one.message.method ?? one.method];
      if (reply) reply(response, one);
      else response.writeHead(202).end();
    })();
  });
  return {
    ...served,
    received,
    calls: () => received.filter(({ message }) => message.method === 'tools/call'),
  };
}

export function json(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function openEvents(response: ServerResponse): (message: object) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  return (message) => void response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}
