import { setTimeout as pause } from 'node:timers/promises';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { allowsServerRequests, canAnswer } from '../protocol/clientFeatures.ts';
import { GATEWAY_INFO, metaOf, stripReserved } from '../protocol/envelope.ts';
import { METHOD_NOT_FOUND, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import type { JsonObject, JsonRpcError, JsonRpcRequest, RequestId } from '../protocol/jsonRpc.ts';
import {
  CLOSE_SESSION_TIMEOUT_MS,
  OPEN_SESSION_TIMEOUT_MS,
  PERSON_TIMEOUT_MS,
  RESUME_DELAY_MS,
} from '../protocol/limits.ts';
import { LATEST_LEGACY, LEGACY_VERSIONS } from '../protocol/versions.ts';
import { type Answer, answerTo, outcomeOf } from './answer.ts';
import type { UpstreamCall } from './connection.ts';
import { drop, type Reply, send } from './exchange.ts';
import { oneLine, OutdatedEra, statusFault, UpstreamFault } from './fault.ts';
import type { RequestIds } from './requestIds.ts';

/** A session with a server of the legacy era. */
export interface LegacySession {
  /** The id that the server gave it, and may forget; absent where the server keeps no sessions. */
  readonly id: string | undefined;
  readonly version: string;
  /** The log level that the server was last set to. */
  logLevel: string | undefined;
  /** Whether this instance reads the stream on which the server may send server requests. */
  isListening: boolean;
  /** The clients' progress tokens of running calls, by the ids that the server knows them by. */
  readonly progressTokens: Map<RequestId, unknown>;
  /** Returns the id of the next request. Callers and instances may share the session. */
  readonly nextId: RequestIds;
  /** Sends a request and returns the head of the reply. @throws UpstreamFault */
  post(
    request: JsonRpcRequest,
    signal: AbortSignal,
    extraHeaders?: Readonly<Record<string, string>>,
  ): Promise<Reply>;
  /** Takes the answer to a request from its reply. Refuses server requests that the client cannot answer. @throws UpstreamFault */
  answer(reply: Reply, request: JsonRpcRequest): Promise<Answer>;
  /** Opens the stream of server-initiated messages. @throws UpstreamFault */
  listen(signal: AbortSignal): Promise<Reply>;
  /** Sends a message that has no answer. @throws UpstreamFault when the server does not take it */
  notify(message: object, signal: AbortSignal): Promise<void>;
  /** Ends the session. A server may refuse to. */
  close(): Promise<void>;
}

const sendHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
} as const;

/** The client of a session, as the server sees it. */
export interface Offer {
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject;
}
/** For sessions that clients share: a server must send no server request, because no client could answer it. */
export const NO_CAPABILITIES: Offer = { capabilities: {}, clientInfo: GATEWAY_INFO };

/**
 * Opens a session (2025-11-25, lifecycle, Initialization). A server that refuses the newest revision and names an older one that
 * the gateway knows is asked for that. Returns the session with the server's result. @throws UpstreamFault
 */
export async function openSession(
  outbound: OutboundClient,
  url: string,
  offer: Offer,
  nextId: RequestIds,
  caller?: AbortSignal,
): Promise<{ readonly session: LegacySession; readonly result: JsonObject }> {
  const timeout = AbortSignal.timeout(OPEN_SESSION_TIMEOUT_MS);
  const signal = caller ? AbortSignal.any([caller, timeout]) : timeout;
  const initialize = async (protocolVersion: string, id: number) => {
    const params = { protocolVersion, ...offer };
    const message = { jsonrpc: '2.0', id, method: 'initialize', params } as const;
    const reply = await send(outbound, { method: 'POST', url, headers: sendHeaders, message, signal });
    const outcome = await outcomeOf(await answerTo(reply, id, () => Promise.resolve(undefined)));
    return { sessionId: reply.sessionId, outcome };
  };
  let { sessionId, outcome } = await initialize(LATEST_LEGACY, 0);
  const older = 'error' in outcome ? olderVersionIn(outcome.error) : undefined;
  if (older !== undefined) ({ sessionId, outcome } = await initialize(older, 1));
  if ('error' in outcome) throw sessionRefused(outcome.error);
  const version = outcome.result['protocolVersion'];
  if (typeof version !== 'string' || !LEGACY_VERSIONS.includes(version)) {
    const named = /^\d{4}-\d{2}-\d{2}$/.test(String(version)) ? ` (${String(version)})` : '';
    throw new UpstreamFault('not_mcp', `speaks a protocol version that the gateway does not know${named}`);
  }
  if (sessionId !== undefined && !/^[\x21-\x7e]{1,1024}$/.test(sessionId)) {
    throw new UpstreamFault('not_mcp', 'gave its session an id that is not visible ASCII');
  }
  const session = resumeSession(outbound, url, { version, id: sessionId }, offer.capabilities, nextId);
  await session.notify({ method: 'notifications/initialized' }, signal);
  return { session, result: outcome.result };
}

/** Returns the newest older revision that a server names in its refusal, in the data or in the text of the error. */
function olderVersionIn(error: JsonRpcError): string | undefined {
  const text = JSON.stringify(error);
  return LEGACY_VERSIONS.find((version) => version !== LATEST_LEGACY && text.includes(version));
}

function sessionRefused(error: JsonRpcError): UpstreamFault {
  if (error.code === UNSUPPORTED_VERSION) return new OutdatedEra();
  const reason = oneLine(error.message);
  return new UpstreamFault('not_mcp', 'refused to open a session', undefined, { reason });
}

/** Returns a session that was opened before, perhaps by another instance. Sends nothing. */
export function resumeSession(
  outbound: OutboundClient,
  url: string,
  { version, id }: Pick<LegacySession, 'version' | 'id'>,
  capabilities: JsonObject,
  nextId: RequestIds,
): LegacySession {
  const headers = {
    'mcp-protocol-version': version,
    ...(id !== undefined && { 'mcp-session-id': id }),
  };
  const postHeaders = { ...sendHeaders, ...headers };
  const get = (signal: AbortSignal, extraHeaders?: Readonly<Record<string, string>>): Promise<Reply> =>
    send(outbound, {
      method: 'GET',
      url,
      headers: { accept: 'text/event-stream', ...headers, ...extraHeaders },
      signal,
    });
  const post = (
    message: object,
    signal: AbortSignal,
    extraHeaders?: Readonly<Record<string, string>>,
  ): Promise<Reply> =>
    send(outbound, {
      method: 'POST',
      url,
      headers: { ...postHeaders, ...extraHeaders },
      message,
      signal,
    });

  /** 2025-11-25, transports, Resumability: a server may close the stream of a running call, and the client opens it again. */
  async function resumeStream({ resumable, signal, idleMs }: Reply): Promise<Reply | undefined> {
    const { id: lastEventId = '', retryMs = RESUME_DELAY_MS.usual } = resumable ?? {};
    if (!/^[\x21-\x7e]{1,1024}$/.test(lastEventId)) return undefined;
    const waitMs = Math.min(Math.max(retryMs, RESUME_DELAY_MS.least), RESUME_DELAY_MS.most);
    // After an abort the request below fails at once.
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
    const reply = await get(signal, { 'last-event-id': lastEventId });
    if (reply.form === 'events' && statusFault(reply.status, reply.location) === undefined)
      return { ...reply, idleMs };
    drop(reply);
    return undefined;
  }

  const session: LegacySession = {
    id,
    version,
    logLevel: undefined,
    isListening: false,
    progressTokens: new Map(),
    nextId,
    post,
    answer(reply, request) {
      // While a server request is pending on the listening stream, this stream is silent for longer.
      if (session.isListening && allowsServerRequests(request.method)) reply.idleMs = PERSON_TIMEOUT_MS;
      return answerTo(
        reply,
        request.id,
        async (asked) => {
          if (canAnswer(capabilities, asked.method, request.method)) {
            return { kind: 'request', request: asked, replyTo: { kind: 'session', session: id, version } };
          }
          await session.notify(answerAsNobody(asked), reply.signal);
          return undefined;
        },
        resumeStream,
      );
    },
    async listen(signal) {
      const reply = await get(signal);
      const fault = statusFault(reply.status, reply.location);
      if (fault === undefined && reply.form === 'events') return reply;
      drop(reply);
      throw fault ?? new UpstreamFault('not_mcp', 'answered GET with something that is no event stream');
    },
    async notify(message, signal) {
      const reply = await post({ jsonrpc: '2.0', ...message }, signal);
      drop(reply);
      const fault = statusFault(reply.status, reply.location);
      if (fault !== undefined) throw fault;
    },
    async close() {
      if (id === undefined) return;
      try {
        const signal = AbortSignal.timeout(CLOSE_SESSION_TIMEOUT_MS);
        drop(await send(outbound, { method: 'DELETE', url, headers, signal }));
      } catch (error) {
        if (!(error instanceof UpstreamFault)) throw error;
      }
    },
  };
  return session;
}

/** Returns the gateway's answer to a server request that the client cannot answer. */
export const answerAsNobody = ({ id, method }: JsonRpcRequest): object =>
  method === 'ping'
    ? { id, result: {} }
    : { id, error: { code: METHOD_NOT_FOUND, message: 'The client behind the gateway cannot do this.' } };

/** Returns the params of a call without the fields that only the modern era knows. */
export function legacyParams({ method, params, traceparent }: UpstreamCall): JsonObject {
  const known = stripReserved(allowsServerRequests(method) ? withoutRounds(params) : params);
  const meta = metaOf(known);
  return 'traceparent' in meta ? { ...known, _meta: { ...meta, traceparent } } : known;
}

/** Removes the fields of MRTR, and of tasks: the gateway offers no tasks, so the server carries out the call at once. */
function withoutRounds(params: JsonObject): JsonObject {
  if (!('inputResponses' in params || 'requestState' in params || 'task' in params)) return params;
  const { inputResponses: _responses, requestState: _state, task: _task, ...rest } = params;
  return rest;
}
