import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { json, openEvents } from '../handmadeUpstream.ts';
import { MODERN } from '../rawClient.ts';
import { serve, type Served } from '../serve.ts';
import {
  type Answers,
  contentAt,
  type Feature,
  type Json,
  prompts,
  resources,
  type Stage,
  template,
  tools,
} from './features.ts';

/** Which eras the server speaks. */
export type Eras = 'legacy' | 'modern' | 'both';

const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26'];
const META = (key: string) => `io.modelcontextprotocol/${key}`;
const info = { name: 'feature-server', version: '1.0.0' };
const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {},
};

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: Json;
}

class RpcError extends Error {
  readonly code: number;
  readonly status: number;
  readonly data: unknown;
  constructor(code: number, message: string, status = 200, data?: unknown) {
    super(message);
    this.code = code;
    this.status = status;
    this.data = data;
  }
}

interface Session {
  readonly capabilities: Json;
  /** Asked of the client, and not answered yet. */
  readonly asked: Map<string, (answer: Json) => void>;
  level: string;
  readonly subscribed: Set<string>;
  /** Its open GET stream. */
  stream?: ServerResponse;
}
interface Listener {
  readonly response: ServerResponse;
  readonly id: unknown;
  readonly filter: Json;
}

export interface FeatureServer extends Served {
  /** Methods that were posted, responses as `response`. */
  readonly received: string[];
  /** Open streams of clients that listen. */
  listening(): number;
  /** Says to whoever subscribed that a resource has changed. */
  touch(uri: string): void;
}

/**
 * An MCP server with all features of both eras, for tests: what it offers is in `features.ts`, what it asks of a client goes
 * over the stream of the call in the legacy era and by multi-round-trip results in the modern one.
 */
export async function startFeatureServer(eras: Eras = 'both'): Promise<FeatureServer> {
  const sessions = new Map<string, Session>();
  const listeners = new Set<Listener>();
  const received: string[] = [];
  const secret = randomUUID();

  const tell = (
    method: string,
    params: Json,
    wants: { listener: (filter: Json) => boolean; session: (session: Session) => boolean },
  ) => {
    for (const { response, id, filter } of listeners) {
      if (!wants.listener(filter)) continue;
      event(response, { method, params: { ...params, _meta: { [META('subscriptionId')]: id } } });
    }
    for (const session of sessions.values()) {
      if (session.stream && wants.session(session)) event(session.stream, { method, params });
    }
  };
  let changes = 0;
  const changed = (list: 'tools' | 'prompts') => {
    changes += 1;
    tell(
      `notifications/${list}/list_changed`,
      {},
      { listener: (filter) => filter[`${list}ListChanged`] === true, session: () => true },
    );
  };

  const served = await serve((request, response) => {
    void handle(request, response);
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')) {
      response.writeHead(403).end();
      return;
    }
    const sessionId = String(request.headers['mcp-session-id'] ?? '');
    const session = sessions.get(sessionId);
    if (request.method !== 'POST') {
      if (session === undefined || eras === 'modern') response.writeHead(eras === 'modern' ? 405 : 404).end();
      else if (request.method === 'DELETE') {
        sessions.delete(sessionId);
        session.stream?.end();
        response.writeHead(204).end();
      } else {
        openEvents(response);
        session.stream = response;
      }
      return;
    }
    const message = parsed(await text(request));
    const { id, method, params = {} } = message as Message;
    if (method === undefined && !('result' in message) && !('error' in message)) {
      json(response, { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'no message' } }, 400);
      return;
    }
    received.push(method ?? 'response');
    const meta = (params['_meta'] ?? {}) as Json;
    const isModern =
      meta[META('protocolVersion')] !== undefined || request.headers['mcp-protocol-version'] === MODERN;
    try {
      if (isModern && eras !== 'legacy') await modern(response, request, id, method ?? '', params, meta);
      else if (eras === 'modern') {
        throw new RpcError(-32022, 'no such version', 400, { supported: [MODERN], requested: '2025-11-25' });
      } else {
        const version = request.headers['mcp-protocol-version'];
        if (version !== undefined && !LEGACY.includes(String(version)))
          throw new RpcError(-32600, 'no such version', 400);
        await legacy(response, session, sessionId, message, params);
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, message: words, data, status } = error;
      const body = {
        jsonrpc: '2.0',
        id: id ?? null,
        error: { code, message: words, ...(data !== undefined && { data }) },
      };
      if (response.headersSent) {
        event(response, body);
        response.end();
      } else json(response, body, status);
    }
  }

  async function legacy(
    response: ServerResponse,
    session: Session | undefined,
    sessionId: string,
    { id, method, result, error }: Message,
    params: Json,
  ): Promise<void> {
    if (method === 'initialize') {
      const newId = randomUUID();
      sessions.set(newId, {
        capabilities: params['capabilities'] as Json,
        asked: new Map(),
        level: 'debug',
        subscribed: new Set(),
      });
      const version = String(params['protocolVersion']);
      const known = LEGACY.includes(version);
      json(
        response,
        {
          jsonrpc: '2.0',
          id,
          result: { protocolVersion: known ? version : '2025-11-25', capabilities, serverInfo: info },
        },
        200,
        { 'mcp-session-id': newId },
      );
      return;
    }
    if (session === undefined) throw new RpcError(-32600, 'no such session', sessionId === '' ? 400 : 404);
    if (method === undefined) {
      session.asked.get(String(id))?.(result ?? { refused: error });
      response.writeHead(202).end();
      return;
    }
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const finish = (value: Json) => {
      json(response, { jsonrpc: '2.0', id, result: value });
    };
    const uri = String(params['uri']);
    switch (method) {
      case 'ping':
        finish({});
        return;
      case 'logging/setLevel':
        session.level = String(params['level']);
        finish({});
        return;
      case 'resources/subscribe':
        session.subscribed.add(uri);
        finish({});
        return;
      case 'resources/unsubscribe':
        session.subscribed.delete(uri);
        finish({});
        return;
      case 'tools/call':
      case 'prompts/get': {
        const feature = featureOf(method, params);
        const send = openEvents(response);
        const stage: Stage = {
          notify: (name, what) => {
            send({ jsonrpc: '2.0', method: name, params: what });
          },
          progressToken: ((params['_meta'] ?? {}) as Json)['progressToken'],
          capabilities: session.capabilities,
          changed,
        };
        const args = (params['arguments'] ?? {}) as Json;
        const answers: Record<string, Json> = {};
        for (const round of feature.rounds ?? []) {
          for (const [key, asked] of Object.entries(round(args, stage))) {
            const askedId = randomUUID();
            const answer = new Promise<Json>((done) => session.asked.set(askedId, done));
            send({ jsonrpc: '2.0', id: askedId, ...asked });
            answers[key] = await answer;
          }
        }
        send({ jsonrpc: '2.0', id, result: await feature.run(args, stage, answers) });
        response.end();
        return;
      }
      default:
        finish(plain(method, params, -32002, changes));
    }
  }

  async function modern(
    response: ServerResponse,
    request: IncomingMessage,
    id: unknown,
    method: string,
    params: Json,
    meta: Json,
  ): Promise<void> {
    const version = meta[META('protocolVersion')];
    if (typeof version !== 'string' || meta[META('clientCapabilities')] === undefined)
      throw new RpcError(-32602, 'the envelope is incomplete', 400);
    if (request.headers['mcp-protocol-version'] !== version || request.headers['mcp-method'] !== method)
      throw new RpcError(-32020, 'headers and body disagree', 400);
    const named = params['name'] ?? params['uri'] ?? '';
    const isNamed = ['tools/call', 'prompts/get', 'resources/read'].includes(method);
    if (isNamed && decoded(String(request.headers['mcp-name'] ?? '')) !== named)
      throw new RpcError(-32020, 'headers and body disagree', 400);
    if (version !== MODERN)
      throw new RpcError(-32022, 'no such version', 400, { supported: [MODERN], requested: version });
    const finish = (value: Json) => {
      const result = { resultType: 'complete', ...value, _meta: { [META('serverInfo')]: info } };
      if (response.headersSent) {
        event(response, { id, result });
        response.end();
      } else json(response, { jsonrpc: '2.0', id, result });
    };
    switch (method) {
      case 'server/discover':
        finish({
          supportedVersions: eras === 'both' ? [MODERN, ...LEGACY] : [MODERN],
          capabilities,
          ttlMs: 0,
          cacheScope: 'public',
        });
        return;
      case 'subscriptions/listen': {
        openEvents(response);
        const filter = params['notifications'] as Json;
        const listener: Listener = { response, id, filter };
        listeners.add(listener);
        response.on('close', () => listeners.delete(listener));
        event(response, {
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: filter, _meta: { [META('subscriptionId')]: id } },
        });
        return;
      }
      case 'tools/call':
      case 'prompts/get': {
        const feature = featureOf(method, params);
        const declared = meta[META('clientCapabilities')] as Json;
        if (feature.needs !== undefined && !(feature.needs in declared)) {
          throw new RpcError(-32021, 'the client lacks a capability', 400, {
            requiredCapabilities: { [feature.needs]: {} },
          });
        }
        const stage: Stage = {
          notify: (name, what) => {
            if (name === 'notifications/message' && meta[META('logLevel')] === undefined) return;
            if (!response.headersSent) openEvents(response);
            event(response, { method: name, params: what });
          },
          progressToken: meta['progressToken'],
          capabilities: declared,
          changed,
        };
        const args = (params['arguments'] ?? {}) as Json;
        const { round, answers } = unsealed(params, feature, args, stage);
        const wanted = feature.rounds?.[round]?.(args, stage);
        if (wanted === undefined) {
          finish(await feature.run(args, stage, answers));
        } else {
          finish({
            resultType: 'input_required',
            inputRequests: wanted,
            requestState: seal(JSON.stringify({ round, answers })),
          });
        }
        return;
      }
      default:
        finish({
          ...plain(method, params, -32602, changes),
          ...(/^(resources|tools|prompts)\//.test(method) && { ttlMs: 1000, cacheScope: 'public' }),
        });
    }
  }

  /** How far a call has come, by the state and the answers that the client sent back. */
  function unsealed(params: Json, feature: Feature, args: Json, stage: Stage) {
    const state = params['requestState'];
    let held: { round: number; answers: Answers } = { round: 0, answers: {} };
    if (typeof state === 'string') {
      const [payload = '', mac = ''] = state.split('.');
      const expected = seal(payload, true).split('.')[1] ?? '';
      if (mac.length !== expected.length || !timingSafeEqual(Buffer.from(mac), Buffer.from(expected)))
        throw new RpcError(-32602, 'the state was tampered with');
      held = JSON.parse(Buffer.from(payload, 'base64url').toString()) as typeof held;
    }
    const given = params['inputResponses'];
    if (given === undefined) return held;
    if (typeof given !== 'object' || given === null) throw new RpcError(-32602, 'no responses');
    const wanted = Object.keys(feature.rounds?.[held.round]?.(args, stage) ?? {});
    const told = wanted.map((key) => [key, (given as Json)[key]] as const);
    if (told.some(([, answer]) => typeof answer !== 'object' || answer === null)) return held;
    return {
      round: held.round + 1,
      answers: { ...held.answers, ...(Object.fromEntries(told) as Answers) },
    };
  }

  function seal(payload: string, encoded = false): string {
    const body = encoded ? payload : Buffer.from(payload).toString('base64url');
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
  }

  return {
    ...served,
    received,
    listening: () =>
      listeners.size + [...sessions.values()].filter(({ stream }) => stream?.closed === false).length,
    touch: (uri) => {
      tell(
        'notifications/resources/updated',
        { uri },
        {
          listener: ({ resourceSubscriptions }) =>
            Array.isArray(resourceSubscriptions) && resourceSubscriptions.includes(uri),
          session: ({ subscribed }) => subscribed.has(uri),
        },
      );
    },
  };
}

/** Whatever is no object counts as an empty one. */
function parsed(body: string): Json {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Json) : {};
  } catch {
    return {};
  }
}

function decoded(header: string): string {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(header) ?? [];
  return encoded === undefined ? header : Buffer.from(encoded, 'base64').toString('utf8');
}

function event(response: ServerResponse, message: object): void {
  response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
}

function featureOf(method: string, params: Json): Feature {
  const all = method === 'tools/call' ? tools : prompts;
  const name = String(params['name']);
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found === undefined) throw new RpcError(-32602, `no such name: ${name}`);
  return found;
}

/** What needs no stage. */
function plain(method: string, params: Json, notFound: number, changes: number): Json {
  switch (method) {
    case 'tools/list':
      return {
        tools: Object.entries(tools).map(([name, { inputSchema = { type: 'object' } }]) => ({
          name,
          description: `The feature ${name}, ${changes}`,
          inputSchema,
        })),
      };
    case 'prompts/list':
      return {
        prompts: Object.entries(prompts).map(([name, prompt]) => ({
          name,
          description: `The prompt ${name}, ${changes}`,
          ...(prompt.arguments && {
            arguments: prompt.arguments.map((argument) => ({ name: argument, required: true })),
          }),
        })),
      };
    case 'resources/list':
      return {
        resources: Object.entries(resources).map(([uri, { mimeType }]) => ({ uri, name: uri, mimeType })),
      };
    case 'resources/templates/list':
      return {
        resourceTemplates: [{ uriTemplate: template, name: 'template', mimeType: 'application/json' }],
      };
    case 'resources/read': {
      const uri = String(params['uri']);
      const content = contentAt(uri);
      if (content === undefined) throw new RpcError(notFound, 'Resource not found', 200, { uri });
      return { contents: [content] };
    }
    case 'completion/complete':
      return { completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false } };
    case 'acme/echo':
      return { echoed: params };
    default:
      throw new RpcError(-32601, `no such method: ${method}`, notFound === -32602 ? 404 : 200);
  }
}
