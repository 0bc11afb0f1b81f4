import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { AuditEvent } from '../../shared/audit/record.ts';
import { createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import type { ExchangeToken } from '../../shared/identity/onBehalfOf.ts';
import type { Config } from '../../shared/platform/config.ts';
import { createMcpEndpoints, type McpEndpoints } from '../../shared/gateway/endpoint.ts';
import type { OwnTools } from '../../shared/gateway/ownTools.ts';
import type { Front } from '../../shared/gateway/request.ts';
import { discoverServer } from '../../shared/gateway/discovery.ts';
import { createSseParser } from '../../shared/gateway/sse.ts';
import { type Principal, type Role, roles } from '../../shared/identity/principal.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { randomId } from '../../shared/platform/ids.ts';
import type { Log, LogEvent, LogFields } from '../../shared/platform/log.ts';
import { openOutboundClient } from '../../shared/platform/outbound.ts';
import { TextResponse } from '../../shared/platform/textResponse.ts';
import { continueTrace } from '../../shared/platform/trace.ts';
import { createVisibleServers } from '../../shared/registry/visibleServers.ts';
import { azureTableServerStore } from '../../shared/registry/azureTableServerStore.ts';
import type { Era } from '../../shared/registry/era.ts';
import type { Discovery, ServerRecord, Tool } from '../../shared/registry/server.ts';
import type { ServerStore } from '../../shared/registry/serverStore.ts';
import type { StateStore } from '../../shared/platform/stateStore.ts';
import { announced, announcedToolsets } from '../../shared/registry/announced.ts';
import { azureTableToolsetStore } from '../../shared/registry/azureTableToolsetStore.ts';
import type { ToolsetStore } from '../../shared/registry/toolsetStore.ts';
import { testCredentials } from './credentials.ts';
import { memoryState } from './memoryState.ts';
import { memoryTables } from './memoryTables.ts';
import { serverRecord } from './serverRecord.ts';

export const MODERN = '2026-07-28';
export const tenantId = '11111111-1111-4111-8111-111111111111';
/** A tenant that shares some of its servers. */
export const SHARER = '99999999-9999-4999-8999-999999999999';
export const principal = (userId = 'alice', role: Role = 'User'): Principal => ({
  tenantId,
  userId,
  kind: 'user',
  clientId: 'test-client',
  roles: [role],
  expiresAt: Date.now() + 3_600_000,
});

export interface RecordingLog extends Log {
  readonly lines: { readonly event: LogEvent; readonly fields: LogFields }[];
}
export function recordingLog(): RecordingLog {
  const lines: RecordingLog['lines'] = [];
  const write = (event: LogEvent, fields: LogFields) => void lines.push({ event, fields });
  return { lines, info: write, warn: write, error: write };
}

/** A server over HTTP on loopback that ends all its connections when it closes. */
export interface Served {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  port = 0,
): Promise<Served> {
  const server = createServer(handle);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

export interface TestGateway extends Served {
  readonly servers: ServerStore;
  readonly toolsets: ToolsetStore;
  /** The endpoint of one server. */
  urlOf(slug: string): string;
  readonly log: RecordingLog;
  /** What was recorded for the audit trail. */
  readonly audited: AuditEvent[];
  /** Probes a server and registers it as active, or registers what is given as its discovery. */
  register(slug: string, url: string, patch?: Partial<ServerRecord>): Promise<void>;
  withdraw(slug: string): Promise<void>;
}

/** The endpoint behind a plain HTTP adapter; `x-user` says who calls, and `x-role` with which role. */
export async function startGateway(
  state: StateStore = memoryState(),
  servers: ServerStore = announced(azureTableServerStore(memoryTables()), state, randomId),
  credentials: Config['credentials'] = {},
  exchange?: ExchangeToken,
  ownTools?: OwnTools,
): Promise<TestGateway> {
  const toolsets = announcedToolsets(azureTableToolsetStore(memoryTables()), state, randomId);
  const outbound = openOutboundClient('private_allowed');
  const own = testCredentials(credentials, [tenantId, SHARER], exchange);
  const outboundTo = createOutboundTo(outbound, own);
  const log = recordingLog();
  const audited: AuditEvent[] = [];
  let aheadMs = 0;
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  const endpoints = createMcpEndpoints({
    servers,
    visibleServers: createVisibleServers({ servers, state, newId: randomId, sharingTenant: SHARER }),
    toolsets,
    outboundTo,
    credentials: own,
    clock,
    newId: randomId,
    shortLived: state,
    log,
    audit: { append: (event) => void audited.push(event) },
    ...(ownTools && { ownTools }),
  });
  const served = await serve((request, response) => {
    void answer(request, response, endpoints);
  });
  return {
    ...served,
    servers,
    toolsets,
    urlOf: (slug) => served.url.replace('/mcp', `/servers/${slug}/mcp`),
    log,
    audited,
    async register(slug, url, patch = {}) {
      const found = patch.discovery
        ? { ok: true as const, value: patch.discovery }
        : await discoverServer(
            { tenantId, url, ...patch },
            { outboundTo, clock: systemClock },
            AbortSignal.timeout(10_000),
          );
      if (!found.ok) throw new Error(found.error.message);
      await servers.add(serverRecord({ tenantId, slug, url, title: slug, discovery: found.value, ...patch }));
    },
    async withdraw(slug) {
      const stored = await servers.find(tenantId, slug);
      if (stored) await servers.remove(stored.value, stored.etag);
      // An instance may remember a server for two seconds.
      aheadMs += 2_000;
    },
    async close() {
      await served.close();
      await outbound.close();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  endpoints: McpEndpoints,
): Promise<void> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  // As the admission of the app does it.
  if (headers.has('origin')) {
    response.writeHead(403).end();
    return;
  }
  let message: unknown;
  try {
    message = request.method === 'POST' ? (JSON.parse(await text(request)) as unknown) : undefined;
  } catch {
    response.writeHead(400).end();
    return;
  }
  const [, place, slug = ''] = /^\/(server|toolset)s\/([^/]+)\/mcp$/.exec(request.url ?? '') ?? [];
  const kind = place === 'server' || place === 'toolset' ? place : undefined;
  const front: Front = kind ? { kind, slug } : { kind: 'all' };
  const call = {
    headers,
    front,
    principal: principal(
      headers.get('x-user') ?? undefined,
      roles.find((role) => role === headers.get('x-role')),
    ),
    trace: continueTrace(headers.get('traceparent')),
    signal: new AbortController().signal,
  };
  const result =
    request.method === 'DELETE'
      ? await endpoints.remove(call)
      : request.method === 'GET'
        ? await endpoints.listen(call)
        : await endpoints.post({ ...call, message });
  response.writeHead(result.status, Object.fromEntries(result.headers));
  if (result instanceof TextResponse) {
    response.end(result.content);
    return;
  }
  const reader = result.body?.getReader();
  response.on('close', () => void reader?.cancel());
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    response.write(next.value);
  }
  response.end();
}

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
        message: body === '' ? {} : (JSON.parse(body) as Received['message']),
      };
      received.push(one);
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

/** A JSON-RPC message as tests look at it. */
export interface Answered {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown> & {
    readonly content?: readonly Record<string, unknown>[];
    readonly tools?: readonly Tool[];
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The messages as they come; one for JSON. */
  readonly messages: AsyncGenerator<Answered, void, undefined>;
  /** All of them. */
  all(): Promise<Answered[]>;
}

const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Posts one request as a client of the given era does, with nothing in between. */
export async function post(
  url: string,
  era: Era,
  method: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const { _meta: meta, ...rest } = params;
  const sent =
    era === 'modern' ? { ...rest, _meta: { ...modernMeta, ...(meta as object | undefined) } } : params;
  const own: Record<string, string> =
    era === 'modern'
      ? {
          'mcp-protocol-version': MODERN,
          'mcp-method': method,
          ...(typeof params['name'] === 'string' && { 'mcp-name': params['name'] }),
        }
      : { 'mcp-protocol-version': '2025-11-25' };
  return postRaw(
    url,
    { jsonrpc: '2.0', id: 'client-id', method, params: sent },
    { ...own, ...headers },
    signal,
  );
}

export async function postRaw(
  url: string,
  message: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(message),
    ...(signal && { signal }),
  });
  const messages = readMessages(response);
  return {
    status: response.status,
    headers: response.headers,
    messages,
    all: async () => {
      const all: Answered[] = [];
      for await (const one of messages) all.push(one);
      return all;
    },
  };
}

async function* readMessages(response: Response): AsyncGenerator<Answered, void, undefined> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
    const text = await response.text();
    if (text !== '') yield JSON.parse(text) as Answered;
    return;
  }
  const parser = createSseParser(8 * 1024 * 1024);
  const body: AsyncIterable<Uint8Array> = response.body ?? new ReadableStream<Uint8Array>();
  for await (const chunk of body) {
    for (const { data } of parser.push(chunk)) yield JSON.parse(data) as Answered;
  }
}

/** Where the data path records its calls, for tests that do not look there. */
export const unheardAudit = { append: (): void => undefined };
