import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { serve } from '../support/serve.ts';

/** A stdio server behind Streamable HTTP: each session has a process of its own. */
export interface StdioBridge {
  readonly url: string;
  /** The bodies of all POST requests, in the order of arrival. */
  readonly bodies: readonly string[];
  close(): Promise<void>;
}

export async function startStdioBridge(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<StdioBridge> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const bodies: string[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id'];
    const body = request.method === 'POST' ? await text(request) : undefined;
    if (body !== undefined) bodies.push(body);
    const parsed: unknown = body === undefined ? undefined : JSON.parse(body);
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (!known && !isInitialize(parsed)) {
      response.writeHead(id === undefined ? 400 : 404).end();
      return;
    }
    const transport = known ?? (await openSession(args, env, (opened, name) => sessions.set(name, opened)));
    await transport.handleRequest(request, response, parsed);
  }

  const server = await serve((request, response) => void handle(request, response));
  return {
    url: server.url,
    bodies,
    async close() {
      await Promise.all([...sessions.values()].map((session) => session.close()));
      await server.close();
    },
  };
}

const isInitialize = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'method' in message && message.method === 'initialize';

async function openSession(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  opened: (transport: StreamableHTTPServerTransport, id: string) => void,
): Promise<StreamableHTTPServerTransport> {
  const child = new StdioClientTransport({
    command: process.execPath,
    args: [...args],
    stderr: 'ignore',
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  const http: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => {
      opened(http, id);
    },
  });
  /** The requests that the server has not answered. Its own messages belong to the newest of them. */
  const open = new Set<RequestId>();
  http.onmessage = (message: JSONRPCMessage) => {
    if ('method' in message && 'id' in message) open.add(message.id);
    void child.send(message);
  };
  child.onmessage = (message) => {
    const related = 'method' in message ? [...open].at(-1) : undefined;
    if (!('method' in message) && message.id !== undefined) open.delete(message.id);
    void http.send(message, related === undefined ? {} : { relatedRequestId: related });
  };
  http.onclose = () => void child.close();
  await child.start();
  await http.start();
  return http;
}
