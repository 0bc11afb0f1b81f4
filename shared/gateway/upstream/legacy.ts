import { allowsServerRequests, canAnswer, canBeAsked, carriedFeatures } from '../protocol/clientFeatures.ts';
import { metaOf } from '../protocol/envelope.ts';
import { INVALID_PARAMS, LEGACY_RESOURCE_NOT_FOUND, METHOD_NOT_FOUND } from '../protocol/errorCodes.ts';
import {
  isSameId,
  type JsonObject,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type RequestId,
  toId,
} from '../protocol/jsonRpc.ts';
import { LISTEN_TIMEOUT_MS, NOTIFY_TIMEOUT_MS } from '../protocol/limits.ts';
import { type Answer, type AnswerItem, outcomeOf } from './answer.ts';
import type { Connection, UpstreamCall } from './connection.ts';
import { messagesIn, readEvents } from './exchange.ts';
import { UpstreamFault } from './fault.ts';
import { httpSseConnection } from './httpSseTransport.ts';
import { answerAsNobody, legacyParams, type LegacySession } from './legacySession.ts';
import { passing } from './passing.ts';
import type { SessionSlot } from './sessionPool.ts';
import { type SideRequests, sideRequestsOf } from './sideRequests.ts';
import type { UpstreamEra } from './upstreamEra.ts';

/** Servers up to 2025-11-25: over Streamable HTTP in a session, or over HTTP+SSE where they speak nothing else. */
export const legacyUpstream: UpstreamEra = {
  subscribesByRequest: true,
  listensByCall: false,
  /**
   * Many SDKs of this era send server requests on the listening stream, without a tie to the call (2025-11-25, transports,
   * Listening for Messages from the Server).
   */
  mayRequest: ({ transport }, session) => transport !== 'sse' && canBeAsked(session?.capabilities ?? {}),
  // A subscription belongs to the session and needs no other stream.
  streamKey: () => '',
  connect(access, server, caller, logLevel) {
    const { transport, capabilities } = server.discovery;
    const { session, capabilities: offered = {} } = caller;
    if (transport === 'sse') return httpSseConnection(access.clientFor(server, caller), server.url);
    return legacyConnection(
      access.sessionOf(server, caller, session ? undefined : logLevel),
      'logging' in capabilities ? logLevel : undefined,
      session === undefined && canBeAsked(offered)
        ? (opened) => sideRequestsOf(opened, offered, () => access.takeStream(server, caller))
        : undefined,
    );
  },

  async *listen(access, server, caller, { uris }, _trace, signal) {
    // A legacy client has subscribed in its session. For a modern client the gateway opens a session of its own.
    const isOwn = caller.session === undefined;
    const session = isOwn
      ? await access.openSession(server, caller)
      : await access.sessionOf(server, caller).get();
    const capabilities = carriedFeatures(caller.session?.capabilities ?? {});
    try {
      const reply = await session.listen(signal);
      reply.idleMs = LISTEN_TIMEOUT_MS;
      if (isOwn) for (const uri of uris.get(server.slug) ?? []) await subscribe(session, uri, signal);
      session.isListening = canBeAsked(capabilities);
      yield { kind: 'ready' };
      for await (const event of readEvents(reply)) {
        for (const message of messagesIn(event)) {
          if (message.kind === 'notification') {
            const notification = withClientToken(session, message.notification);
            if (notification) yield { kind: 'notification', notification };
          }
          if (message.kind !== 'request') continue;
          const { request } = message;
          // A server cannot name the call of a request on this stream, so the request counts as part of a tool call.
          if (canAnswer(capabilities, request.method, 'tools/call')) {
            const replyTo = { kind: 'session', session: session.id, version: session.version } as const;
            yield { kind: 'request', request, replyTo };
          } else await session.notify(answerAsNobody(request), signal);
        }
      }
    } finally {
      session.isListening = false;
      if (isOwn) await session.close();
    }
  },
};

/** Restores the client's progress token; `undefined` for progress of an unknown call. */
function withClientToken(
  { progressTokens }: LegacySession,
  notification: JsonRpcNotification,
): JsonRpcNotification | undefined {
  const { method, params } = notification;
  if (method !== 'notifications/progress') return notification;
  const known = toId(params?.['progressToken']);
  const progressToken = known === undefined ? undefined : progressTokens.get(known);
  return progressToken === undefined ? undefined : { ...notification, params: { ...params, progressToken } };
}

/** Subscribes to a resource. A server that refuses sends no updates of that resource, but those of the others. */
async function subscribe(session: LegacySession, uri: string, signal: AbortSignal): Promise<void> {
  const method = 'resources/subscribe';
  const request: JsonRpcRequest = { jsonrpc: '2.0', id: session.nextId(), method, params: { uri } };
  try {
    await outcomeOf(await session.answer(await session.post(request, signal), request));
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error;
  }
}

/**
 * A connection over a session (2025-11-25, transports and lifecycle). All clients of one caller may share the session, so the
 * server sees ids and progress tokens of the session, and the client sees its own. `logLevel` is set before the call, where
 * the server logs. `sideRequests` is given where the server may ask the client beside the stream of its call.
 */
function legacyConnection(
  slot: SessionSlot,
  logLevel: string | undefined,
  sideRequests: ((session: LegacySession) => SideRequests) | undefined,
): Connection {
  return {
    era: 'legacy',
    usesMrtr: false,
    async request(call, signal) {
      const make = (session: LegacySession) =>
        sideRequests && allowsServerRequests(call.method)
          ? sideRequests(session).during(() => attempt(session, call, logLevel, signal), signal)
          : attempt(session, call, logLevel, signal);
      const session = await slot.get();
      try {
        return await make(session);
      } catch (error) {
        if (!isSessionLost(session, error)) throw error;
      }
      // The server has not begun a call that it rejected for its session, so sending it again is safe.
      await slot.forget(session);
      return make(await slot.get());
    },
  };
}

/** Many servers answer 400 instead of 404 for a session that they do not know, after a restart for instance. */
const isSessionLost = (session: LegacySession, error: unknown): boolean =>
  session.id !== undefined &&
  error instanceof UpstreamFault &&
  (error.status === 404 || error.status === 400);

async function attempt(
  session: LegacySession,
  call: UpstreamCall,
  logLevel: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  if (logLevel !== undefined && session.logLevel !== logLevel) {
    // The call goes on if the server refuses: the relay filters its log notifications.
    await outcomeOf(await ask(session, 'logging/setLevel', { level: logLevel }, signal));
    session.logLevel = logLevel;
  }
  return ask(session, call.method, legacyParams(call), signal, call);
}

/** Errors that judge the request. A server that sends one under HTTP 404 knows the session. */
const requestErrors: ReadonlySet<number> = new Set([
  METHOD_NOT_FOUND,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
]);

/** Sends one request. `call` is the client's call, if the request is for one. @throws UpstreamFault, also for a lost session */
async function ask(
  session: LegacySession,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
  call?: UpstreamCall,
): Promise<Answer> {
  const id = session.nextId();
  const token = metaOf(params)['progressToken'];
  const sent = token === undefined ? params : { ...params, _meta: { ...metaOf(params), progressToken: id } };
  const request: JsonRpcRequest = {
    jsonrpc: '2.0',
    id,
    method,
    ...(Object.keys(sent).length > 0 && { params: sent }),
  };
  const cancelled = { method: 'notifications/cancelled', params: { requestId: id } };
  /** A legacy server continues when the connection closes, so it needs a cancellation. Nobody waits for its delivery. */
  const giveUp = () => {
    session.progressTokens.delete(id);
    session.notify(cancelled, AbortSignal.timeout(NOTIFY_TIMEOUT_MS)).catch(() => undefined);
  };
  signal.addEventListener('abort', giveUp, { once: true });
  if (token !== undefined) session.progressTokens.set(id, token);
  const settle = () => {
    session.progressTokens.delete(id);
    signal.removeEventListener('abort', giveUp);
  };
  try {
    const reply = await session.post(request, signal, call && { traceparent: call.traceparent });
    if (call?.timeoutMs !== undefined) reply.idleMs = call.timeoutMs;
    const answer = await session.answer(reply, request);
    if (answer.kind === 'stream') {
      const see = (item: AnswerItem) => {
        if (item.kind === 'outcome') settle();
        return clientItem(item, id, token);
      };
      return { kind: 'stream', items: passing(answer.items, see) };
    }
    const { outcome } = answer;
    if (reply.status === 404 && 'error' in outcome && !requestErrors.has(outcome.error.code))
      throw new UpstreamFault('http_status', 'answered HTTP 404', 404, { rpcError: outcome.error });
    settle();
    return answer;
  } catch (error) {
    settle();
    throw error;
  }
}

/** Restores the client's progress token. Drops progress of other calls. */
function clientItem(item: AnswerItem, id: RequestId, token: unknown): AnswerItem | undefined {
  if (item.kind !== 'notification' || item.notification.method !== 'notifications/progress') return item;
  const { notification } = item;
  if (!isSameId(id, notification.params?.['progressToken'])) return undefined;
  const params = { ...notification.params, progressToken: token };
  return { kind: 'notification', notification: { ...notification, params } };
}
