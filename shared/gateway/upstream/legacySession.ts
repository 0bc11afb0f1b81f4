import { setTimeout as pause } from 'node:timers/promises';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { METHOD_NOT_FOUND, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import type { JsonObject, JsonRpcRequest, Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { GATEWAY_INFO, LATEST_LEGACY, LEGACY_VERSIONS } from '../protocol/versions.ts';
import { type Answer, answerTo, outcomeOf, PERSON_WITHIN_MS } from './answer.ts';
import { allowsQuestions, canAnswer } from '../protocol/clientFeatures.ts';
import { drop, type Reply, send } from './exchange.ts';
import { OutdatedEra, statusFault, UpstreamFault } from './fault.ts';

/** A session with a server of the legacy era. */
export interface LegacySession {
  /** The server's name for it, which it may forget; absent where the server keeps no sessions. */
  readonly id: string | undefined;
  readonly version: string;
  /** What the server was last told to log; it is told anew when a client wants something else. */
  logLevel: string | undefined;
  /** Whether this instance hears what the server says, and asks, unasked. */
  isHeard: boolean;
  /** The progress tokens of clients whose calls are under way, by the ids that the server knows them by. */
  readonly progressTokens: Map<RequestId, unknown>;
  /** Never the same twice, as callers and instances may share the session. */
  nextId(): string;
  /** Sends a request and returns the head of the reply. @throws UpstreamFault */
  post(
    request: JsonRpcRequest,
    signal: AbortSignal,
    extraHeaders?: Readonly<Record<string, string>>,
  ): Promise<Reply>;
  /** Takes the answer to a request from its reply; what the client cannot answer is refused. @throws UpstreamFault */
  answer(reply: Reply, request: JsonRpcRequest): Promise<Answer>;
  /** Opens the stream of what the server says unasked. @throws UpstreamFault */
  listen(signal: AbortSignal): Promise<Reply>;
  /** Sends a message that has no answer. @throws UpstreamFault when the server does not take it */
  notify(message: object, signal: AbortSignal): Promise<void>;
  /** Ends the session. A server may refuse that, and nobody waits for it. */
  close(): Promise<void>;
}

/** A handshake that takes longer would leave too little of the time that a caller waits. */
const OPEN_WITHIN_MS = 20_000;
const CLOSE_WITHIN_MS = 5_000;
/** Before the stream of a call is resumed: what the server says, within reason. */
const RESUME_AFTER_MS = { least: 100, usual: 1_000, most: 30_000 } as const;
/** Versions of servers that are understood: tool calls of 2024-11-05 look the same, and many servers still name it. */
const upstreamVersions: readonly string[] = [...LEGACY_VERSIONS, '2024-11-05'];
const sendHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
} as const;

/** What a session tells the server of the client behind it. */
export interface Offer {
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject;
}
/** For sessions that clients share: a server must ask nothing of a client that cannot be reached. */
export const nothingOffered: Offer = { capabilities: {}, clientInfo: GATEWAY_INFO };

/** Opens a session (2025-11-25, lifecycle, Initialization) and gives it with what the server said of itself. @throws UpstreamFault */
export async function openSession(
  outbound: OutboundClient,
  url: string,
  offer: Offer,
  idPrefix: string,
  caller?: AbortSignal,
): Promise<{ readonly session: LegacySession; readonly result: JsonObject }> {
  const timeout = AbortSignal.timeout(OPEN_WITHIN_MS);
  const signal = caller ? AbortSignal.any([caller, timeout]) : timeout;
  const request = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: LATEST_LEGACY, ...offer },
  } as const;
  const reply = await send(outbound, { method: 'POST', url, headers: sendHeaders, message: request, signal });
  const outcome = await outcomeOf(await answerTo(reply, request.id, () => Promise.resolve(undefined)));
  if ('error' in outcome) {
    if (outcome.error.code === UNSUPPORTED_VERSION) throw new OutdatedEra();
    throw new UpstreamFault('not_mcp', 'refused to open a session');
  }
  const version = outcome.result['protocolVersion'];
  if (typeof version !== 'string' || !upstreamVersions.includes(version)) {
    throw new UpstreamFault('not_mcp', 'speaks a protocol version that the gateway does not know');
  }
  if (reply.sessionId !== undefined && !/^[\x21-\x7e]{1,1024}$/.test(reply.sessionId)) {
    throw new UpstreamFault('not_mcp', 'gave its session an id that is not visible ASCII');
  }
  const session = resumeSession(
    outbound,
    url,
    { version, id: reply.sessionId },
    offer.capabilities,
    idPrefix,
  );
  await session.notify({ method: 'notifications/initialized' }, signal);
  return { session, result: outcome.result };
}

/** A session that was opened before, perhaps by another instance. Nothing is sent. */
export function resumeSession(
  outbound: OutboundClient,
  url: string,
  { version, id }: Pick<LegacySession, 'version' | 'id'>,
  capabilities: JsonObject,
  idPrefix: string,
): LegacySession {
  const headers = {
    'mcp-protocol-version': version,
    ...(id !== undefined && { 'mcp-session-id': id }),
  };
  let lastId = 0;
  const get = (signal: AbortSignal, extraHeaders?: Readonly<Record<string, string>>): Promise<Reply> =>
    send(outbound, {
      method: 'GET',
      url,
      headers: { accept: 'text/event-stream', ...headers, ...extraHeaders },
      signal,
    });

  /** 2025-11-25, transports, Resumability: a server may close the stream of a call that goes on, for us to come back. */
  async function resumeStream({ resumable, signal, idleMs }: Reply): Promise<Reply | undefined> {
    const { id: lastEventId = '', retryMs = RESUME_AFTER_MS.usual } = resumable ?? {};
    if (!/^[\x21-\x7e]{1,1024}$/.test(lastEventId)) return undefined;
    const waitMs = Math.min(Math.max(retryMs, RESUME_AFTER_MS.least), RESUME_AFTER_MS.most);
    // Who gives up meanwhile finds that the request is not made.
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
    const reply = await get(signal, { 'last-event-id': lastEventId });
    if (reply.form === 'events' && statusFault(reply.status) === undefined) return { ...reply, idleMs };
    drop(reply);
    return undefined;
  }

  const session: LegacySession = {
    id,
    version,
    logLevel: undefined,
    isHeard: false,
    progressTokens: new Map(),
    nextId: () => `${idPrefix}-${(lastId += 1)}`,
    post: (request, signal, extraHeaders) =>
      send(outbound, {
        method: 'POST',
        url,
        headers: { ...sendHeaders, ...headers, ...extraHeaders },
        message: request,
        signal,
      }),
    answer(reply, request) {
      // A question that comes on another stream is a silence on this one.
      if (session.isHeard && allowsQuestions(request.method)) reply.idleMs = PERSON_WITHIN_MS;
      return answerTo(
        reply,
        request.id,
        async (asked) => {
          const { method } = asked;
          if (canAnswer(capabilities, method, request.method)) {
            return { kind: 'request', request: asked, replyTo: { kind: 'session', session: id, version } };
          }
          const answer: Outcome =
            method === 'ping'
              ? { result: {} }
              : {
                  error: { code: METHOD_NOT_FOUND, message: 'The client behind the gateway cannot do this.' },
                };
          await session.notify({ id: asked.id, ...answer }, reply.signal);
          return undefined;
        },
        resumeStream,
      );
    },
    async listen(signal) {
      const reply = await get(signal);
      const fault = statusFault(reply.status);
      if (fault === undefined && reply.form === 'events') return reply;
      drop(reply);
      throw fault ?? new UpstreamFault('not_mcp', 'answered GET with something that is no event stream');
    },
    async notify(message, signal) {
      const reply = await send(outbound, {
        method: 'POST',
        url,
        headers: { ...sendHeaders, ...headers },
        message: { jsonrpc: '2.0', ...message },
        signal,
      });
      drop(reply);
      const fault = statusFault(reply.status);
      if (fault !== undefined) throw fault;
    },
    async close() {
      if (id === undefined) return;
      try {
        const signal = AbortSignal.timeout(CLOSE_WITHIN_MS);
        drop(await send(outbound, { method: 'DELETE', url, headers, signal }));
      } catch (error) {
        if (!(error instanceof UpstreamFault)) throw error;
      }
    },
  };
  return session;
}
