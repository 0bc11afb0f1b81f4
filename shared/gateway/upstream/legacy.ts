import type { JsonObject, JsonRpcRequest, RequestId } from '../protocol/jsonRpc.ts';
import { metaOf, withoutReserved } from '../protocol/versions.ts';
import { type Answer, type AnswerItem, outcomeOf } from './answer.ts';
import type { Connection, UpstreamCall } from './connection.ts';
import { drop } from './exchange.ts';
import { UpstreamFault } from './fault.ts';
import type { LegacySession } from './legacySession.ts';
import type { SessionSlot } from './sessionPool.ts';

/**
 * A server of the legacy era (2025-11-25, transports and lifecycle). The session may be shared by all clients of one
 * caller, so ids and progress tokens are the session's own on the way up and the client's again on the way down.
 * `logLevel` is what the server shall log before it is called, where it can be told.
 */
export function legacyConnection(slot: SessionSlot, logLevel: string | undefined): Connection {
  return {
    era: 'legacy',
    async request(call, signal) {
      const session = await slot.get();
      const answer = await attempt(session, call, logLevel, signal);
      if (answer !== 'session lost') return answer;
      // The server has not worked on a call that it refused for its session, so sending it again is safe.
      await slot.forget(session);
      const again = await attempt(await slot.get(), call, logLevel, signal);
      if (again === 'session lost')
        throw new UpstreamFault('http_status', 'did not know the session it had just opened');
      return again;
    },
  };
}

async function attempt(
  session: LegacySession,
  call: UpstreamCall,
  logLevel: string | undefined,
  signal: AbortSignal,
): Promise<Answer | 'session lost'> {
  if (logLevel !== undefined && session.logLevel !== logLevel) {
    const told = await ask(session, 'logging/setLevel', { level: logLevel }, signal);
    if (told === 'session lost') return told;
    // A server that refuses is called all the same: what it logs is filtered on the way down.
    await outcomeOf(told);
    session.logLevel = logLevel;
  }
  return ask(session, call.method, legacyParams(call), signal, call);
}

/** Sends one request; `call` is the client's, whose progress and cancellation go with it. */
async function ask(
  session: LegacySession,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
  call?: UpstreamCall,
): Promise<Answer | 'session lost'> {
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
  /** In this era a server works on when the connection goes, so it is told; whether it hears changes nothing here. */
  const giveUp = () => {
    session.progressTokens.delete(id);
    session.notify(cancelled, AbortSignal.timeout(CANCEL_WITHIN_MS)).catch(() => undefined);
  };
  signal.addEventListener('abort', giveUp, { once: true });
  if (token !== undefined) session.progressTokens.set(id, token);
  const settle = () => {
    session.progressTokens.delete(id);
    signal.removeEventListener('abort', giveUp);
  };
  const isHeld = session.id !== undefined;
  try {
    const reply = await session.post(request, signal, call && { traceparent: call.traceparent });
    if (isHeld && reply.status === 404) {
      drop(reply);
      settle();
      return 'session lost';
    }
    const answer = await session.answer(reply, request);
    if (answer.kind === 'stream') {
      return { kind: 'stream', items: clientItems(answer.items, id, token, settle) };
    }
    settle();
    return answer;
  } catch (error) {
    settle();
    // Many servers answer 400 instead of 404 for a session that they do not know, after a restart for instance.
    if (isHeld && error instanceof UpstreamFault && error.status === 400) return 'session lost';
    throw error;
  }
}

const CANCEL_WITHIN_MS = 5_000;

/** What a legacy server is sent of a call. */
export function legacyParams({ params, traceparent }: UpstreamCall): JsonObject {
  // Only the modern era knows the first two; a task is not offered, and a server then works on the call at once.
  const { inputResponses: _responses, requestState: _state, task: _task, _meta: _ignored, ...rest } = params;
  const meta = metaOf(params);
  const sent = { ...withoutReserved(meta), ...('traceparent' in meta && { traceparent }) };
  return { ...rest, ...(Object.keys(sent).length > 0 && { _meta: sent }) };
}

/** Gives progress the client's token again. What breaks off here is given up by whoever reads, by its signal. */
async function* clientItems(
  items: AsyncGenerator<AnswerItem, void, undefined>,
  id: RequestId,
  token: unknown,
  settle: () => void,
): AsyncGenerator<AnswerItem, void, undefined> {
  for await (const item of items) {
    if (item.kind === 'outcome') settle();
    if (item.kind !== 'notification' || item.notification.method !== 'notifications/progress') {
      yield item;
    } else if (item.notification.params?.['progressToken'] === id) {
      const params = { ...item.notification.params, progressToken: token };
      yield { kind: 'notification', notification: { ...item.notification, params } };
    }
  }
}
