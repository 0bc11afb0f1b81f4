import { setTimeout as pause } from 'node:timers/promises';
import { readUrl } from '../../platform/base/readUrl.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { METHOD_NOT_FOUND } from '../protocol/errorCodes.ts';
import type { JsonObject, Message, RequestId } from '../protocol/jsonRpc.ts';
import { CALL_TIMEOUT_MS, LINGER_MS } from '../protocol/limits.ts';
import type { SseEvent } from '../protocol/sse.ts';
import { HTTP_SSE_VERSION } from '../protocol/versions.ts';
import { type AnswerItem, itemOf, outcomeOf } from './answer.ts';
import type { Connection } from './connection.ts';
import { drop, messagesIn, readEvents, send } from './exchange.ts';
import { statusFault, UpstreamFault } from './fault.ts';
import { legacyParams, NO_CAPABILITIES } from './legacySession.ts';
import { createRequestIds } from './requestIds.ts';

/** A session over the HTTP+SSE transport: requests are posted, and all answers come over one stream. */
export interface HttpSseSession {
  /** Sends a request, one at a time. @throws UpstreamFault from the items */
  ask(method: string, params: JsonObject): AsyncGenerator<AnswerItem, void, undefined>;
  /** Tells the server that nobody waits for the answer to the last request. Resolves within 250 ms, and never rejects. */
  cancel(): Promise<void>;
  close(): void;
}

/**
 * Opens a session (2024-11-05, transports, HTTP with SSE). The server names the URL for messages; a URL of another origin is
 * rejected. The stream may be silent for `idleMs`. @throws UpstreamFault
 */
export async function openHttpSseSession(
  outbound: OutboundClient,
  url: string,
  caller: AbortSignal,
  idleMs = CALL_TIMEOUT_MS,
): Promise<{ readonly session: HttpSseSession; readonly result: JsonObject }> {
  const own = new AbortController();
  const signal = AbortSignal.any([caller, own.signal]);
  const reply = await send(outbound, {
    method: 'GET',
    url,
    headers: { accept: 'text/event-stream' },
    signal,
  });
  reply.idleMs = idleMs;
  const fault = statusFault(reply.status, reply.location);
  if (fault !== undefined || reply.form !== 'events') {
    drop(reply);
    throw fault ?? new UpstreamFault('not_mcp', 'answered GET with something that is no event stream');
  }
  const events = readEvents(reply);
  const nextId = createRequestIds();
  let lastId: number | undefined;
  /** Messages of a batch that were not looked at yet. */
  let unread: readonly Message[] = [];

  async function next(): Promise<SseEvent> {
    const event = await events.next();
    if (event.done === true) throw new UpstreamFault('closed', 'closed the stream before it answered');
    return event.value;
  }
  async function nextMessage(): Promise<Message> {
    while (unread.length === 0) unread = messagesIn(await next());
    const [message, ...rest] = unread;
    unread = rest;
    return message ?? nextMessage();
  }
  async function post(target: string, message: object): Promise<void> {
    const taken = await send(outbound, {
      method: 'POST',
      url: target,
      headers: { 'content-type': 'application/json' },
      message: { jsonrpc: '2.0', ...message },
      signal,
    });
    drop(taken);
    const refused = statusFault(taken.status, taken.location);
    if (refused !== undefined) throw refused;
  }
  const close = () => {
    own.abort();
  };

  try {
    let target = endpointIn(await next(), url);
    while (target === undefined) target = endpointIn(await next(), url);
    const endpoint = target;
    const session: HttpSseSession = {
      close,
      async cancel() {
        if (lastId === undefined) return;
        const told = post(endpoint, { method: 'notifications/cancelled', params: { requestId: lastId } });
        await Promise.race([told.catch(() => undefined), pause(LINGER_MS)]);
      },
      async *ask(method, params) {
        const id = nextId();
        lastId = id;
        await post(endpoint, { id, method, params });
        for (;;) {
          const message = await nextMessage();
          if (message.kind === 'request') {
            await post(endpoint, refusal(message.request));
            continue;
          }
          const item = itemOf(message, id);
          if (item === undefined) continue;
          yield item;
          if (item.kind === 'outcome') return;
        }
      },
    };
    const hello = { protocolVersion: HTTP_SSE_VERSION, ...NO_CAPABILITIES };
    const outcome = await outcomeOf({ kind: 'stream', items: session.ask('initialize', hello) });
    if ('error' in outcome) throw new UpstreamFault('not_mcp', 'refused to open a session');
    await post(endpoint, { method: 'notifications/initialized' });
    return { session, result: outcome.result };
  } catch (error) {
    close();
    throw error;
  }
}

/** Returns the URL for messages, if this event names it. */
function endpointIn({ type, data }: SseEvent, url: string): string | undefined {
  if (type !== 'endpoint') return undefined;
  const endpoint = readUrl(data, url);
  if (endpoint?.origin !== new URL(url).origin)
    throw new UpstreamFault('not_mcp', 'wants its messages sent to another origin');
  return endpoint.href;
}

/** Refuses a server request: the gateway declared no capabilities. */
function refusal({ id, method }: { readonly id: RequestId; readonly method: string }): object {
  if (method === 'ping') return { id, result: {} };
  return {
    id,
    error: { code: METHOD_NOT_FOUND, message: 'The gateway offers such servers no capabilities.' },
  };
}

/**
 * A connection to a server that speaks only this transport. Instances cannot share its stream, so each call has a session of
 * its own, with the client's progress token.
 */
export function httpSseConnection(outbound: OutboundClient, url: string): Connection {
  return {
    era: 'legacy',
    usesMrtr: false,
    async request(call, signal) {
      const own = new AbortController();
      const opened: { session?: HttpSseSession } = {};
      // The stream closes after the cancellation: a server that has lost its stream takes no message.
      const leave = () =>
        void (opened.session?.cancel() ?? Promise.resolve()).then(() => {
          own.abort(signal.reason);
        });
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
      const { session } = await openHttpSseSession(outbound, url, own.signal, call.timeoutMs);
      opened.session = session;
      return { kind: 'stream', items: closing(session, call.method, legacyParams(call)) };
    },
  };
}

async function* closing(
  session: HttpSseSession,
  method: string,
  params: JsonObject,
): AsyncGenerator<AnswerItem, void, undefined> {
  try {
    yield* session.ask(method, params);
  } finally {
    session.close();
  }
}
