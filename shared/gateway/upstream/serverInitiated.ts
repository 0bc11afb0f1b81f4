import { type Trace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { JsonRpcNotification, JsonRpcRequest } from '../protocol/jsonRpc.ts';
import { METHOD_NOT_FOUND } from '../protocol/errorCodes.ts';
import { metaOf, META } from '../protocol/versions.ts';
import { type AnswerItem, nextItem, outcomeOf } from '../upstream/answer.ts';
import { canAnswer, carriedFeatures } from '../protocol/clientFeatures.ts';
import type { Connector } from './connector.ts';
import type { Caller } from '../upstream/connection.ts';
import { messageIn, readEvents } from '../upstream/exchange.ts';
import { UpstreamFault } from '../upstream/fault.ts';
import type { LegacySession } from '../upstream/legacySession.ts';
import type { ActiveServer } from '../catalogue/catalogue.ts';
import { ACKNOWLEDGED, LISTEN, LISTEN_WITHIN_MS, type Wanted } from './subscription.ts';

/** Something a server says unasked; what it asks a client goes on to the client. First it is `ready`: from then on nothing is missed. */
export type Unasked = Exclude<AnswerItem, { kind: 'outcome' }> | { readonly kind: 'ready' };

/** What one server says unasked, for as long as it and the signal let us hear. @throws UpstreamFault */
export function upstreamEvents(
  connector: Connector,
  server: ActiveServer,
  caller: Caller,
  wanted: Wanted,
  signal: AbortSignal,
  trace: Trace,
): AsyncGenerator<Unasked, void, undefined> {
  return server.discovery.era === 'modern'
    ? modernEvents(connector, server, caller, wanted, signal, trace)
    : legacyEvents(connector, server, caller, wanted, signal);
}

async function* modernEvents(
  connector: Connector,
  server: ActiveServer,
  caller: Caller,
  { tools, prompts, resources, uris }: Wanted,
  signal: AbortSignal,
  trace: Trace,
): AsyncGenerator<Unasked, void, undefined> {
  const own = uris.get(server.slug) ?? [];
  const notifications = {
    ...(tools && { toolsListChanged: true }),
    ...(prompts && { promptsListChanged: true }),
    ...(resources && { resourcesListChanged: true }),
    ...(own.length > 0 && { resourceSubscriptions: own }),
  };
  const answer = await connector.connect(server, caller).request(
    {
      id: trace.spanId,
      method: LISTEN,
      params: { notifications },
      envelope: undefined,
      traceparent: traceparentOf(trace),
    },
    signal,
  );
  if (answer.kind === 'whole') return;
  for (;;) {
    const item = await nextItem(answer.items);
    if (item.kind === 'outcome') return;
    if (item.kind === 'notification') {
      const { method, params } = item.notification;
      if (method === ACKNOWLEDGED) {
        yield { kind: 'ready' };
        continue;
      }
      const { [META.subscriptionId]: _ours, ...meta } = metaOf(params);
      const { _meta: _replaced, ...rest } = params ?? {};
      const kept = { ...rest, ...(Object.keys(meta).length > 0 && { _meta: meta }) };
      yield { kind: 'notification', notification: { jsonrpc: '2.0', method, params: kept } };
    }
  }
}

async function* legacyEvents(
  connector: Connector,
  server: ActiveServer,
  caller: Caller,
  { uris }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<Unasked, void, undefined> {
  // A client of the legacy era has subscribed in its session by itself; for one of the modern era a session is opened.
  const isOurs = caller.session === undefined;
  const session = isOurs ? await connector.openOwn(server) : await connector.sessionOf(server, caller).get();
  const capabilities = carriedFeatures(caller.session?.capabilities ?? {});
  try {
    const reply = await session.listen(signal);
    reply.idleMs = LISTEN_WITHIN_MS;
    if (isOurs) for (const uri of uris.get(server.slug) ?? []) await subscribe(session, uri, signal);
    session.isHeard = Object.keys(capabilities).length > 0;
    yield { kind: 'ready' };
    for await (const event of readEvents(reply)) {
      const message = messageIn(event);
      if (message?.kind === 'notification') {
        const notification = inClientsWords(session, message.notification);
        if (notification) yield { kind: 'notification', notification };
      }
      if (message?.kind !== 'request') continue;
      const { request } = message;
      // On this stream a server cannot say during what it asks: it counts as during the call of a tool.
      if (canAnswer(capabilities, request.method, 'tools/call')) {
        const replyTo = { kind: 'session', session: session.id, version: session.version } as const;
        yield { kind: 'request', request, replyTo };
      } else await refuse(session, request, signal);
    }
  } finally {
    session.isHeard = false;
    if (isOurs) await session.close();
  }
}

/** Progress has the client's token again; undefined when it is of no call that is known here. */
function inClientsWords(
  { progressTokens }: LegacySession,
  notification: JsonRpcNotification,
): JsonRpcNotification | undefined {
  const { method, params } = notification;
  if (method !== 'notifications/progress') return notification;
  const known = params?.['progressToken'];
  const isId = typeof known === 'string' || typeof known === 'number';
  const progressToken = isId ? progressTokens.get(known) : undefined;
  return progressToken === undefined ? undefined : { ...notification, params: { ...params, progressToken } };
}

/** A server that refuses one says nothing of that resource, and all of the others. */
async function subscribe(session: LegacySession, uri: string, signal: AbortSignal): Promise<void> {
  const method = 'resources/subscribe';
  const request: JsonRpcRequest = { jsonrpc: '2.0', id: session.nextId(), method, params: { uri } };
  try {
    await outcomeOf(await session.answer(await session.post(request, signal), request));
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error;
  }
}

async function refuse(
  session: LegacySession,
  { id, method }: JsonRpcRequest,
  signal: AbortSignal,
): Promise<void> {
  const answer =
    method === 'ping'
      ? { result: {} }
      : { error: { code: METHOD_NOT_FOUND, message: 'The client behind the gateway cannot do this.' } };
  await session.notify({ id, ...answer }, signal);
}
