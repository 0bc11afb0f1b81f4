import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { continueTrace, type Trace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { ActiveServer } from '../catalogue/catalogue.ts';
import { repairPage } from '../catalogue/readLists.ts';
import { disabledServer, LISTS, type Routed } from '../catalogue/view.ts';
import { allowsServerRequests, canBeAsked } from '../protocol/clientFeatures.ts';
import { metaOf } from '../protocol/envelope.ts';
import { HEADER_MISMATCH, toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcError } from '../protocol/jsonRpc.ts';
import { pagesNotOpened, withoutPages } from '../protocol/pagesToOpen.ts';
import { jsonResponse, noMethod, outcomeResponse } from '../protocol/responses.ts';
import type { Holder } from '../session/heldCalls.ts';
import type { ClientSession, Connection, SharedState, UpstreamCaller } from '../upstream/connection.ts';
import { withMrtr } from '../upstream/mrtr.ts';
import { retryAfterRefresh } from '../upstream/refreshRetry.ts';
import { audienceOf, envelopeOf } from './audience.ts';
import { type Call, type Method, type RecordCall, recordCall } from './call.ts';
import type { Parts } from './parts.ts';
import { relay, type RelayedCall } from './relay.ts';
import { answerServer } from './sessionMessages.ts';

/** Methods without an audit record: they serve the input of other calls. */
const unrecorded: ReadonlySet<string> = new Set(['completion/complete']);

/** Forwards a request to its server, and the server's answer to the client. */
export function createForward(parts: Parts): Method {
  const { connector, serverRequests, heldCalls, audit, log } = parts;

  return (call) => {
    const { inbound, request, view } = call;
    const { method, params = {} } = inbound.message;
    if (method === 'tools/call' && params['arguments'] !== undefined && !isObject(params['arguments']))
      return reject(call, { kind: 'invalid', message: 'params.arguments must be an object.' });
    const record = recordCall(request, method, audit);
    const askedAt = performance.now();
    return andThen(view.route(method, params), (routed) =>
      routed.ok
        ? send(call, routed.value, call.viewMs + performance.now() - askedAt, record)
        : refuse(call, routed.error, record),
    );
  };

  /** Answers a request that names no server. */
  async function refuse(call: Call, error: DomainError, record: RecordCall): Promise<Response> {
    const { inbound, request, view } = call;
    const { method, params = {} } = inbound.message;
    if (error.kind === 'method_not_allowed') return noMethod(inbound);
    if (error.kind !== 'not_found') return reject(call, error);
    record(requestedResource(method, params), 'refused', error.kind);
    const slug = view.slugIn?.(method, params);
    const isDisabled = slug !== undefined && (await parts.isDisabled(request.actor.tenantId, slug));
    return reject(call, isDisabled ? disabledServer(slug) : error);
  }

  function send(call: Call, routed: Routed, catalogueMs: number, record: RecordCall): Awaitable<Response> {
    const { inbound, request, caller } = call;
    const { client, message } = inbound;
    const { server, tool, resource } = routed;
    let { params } = routed;
    if (params['inputResponses'] !== undefined) {
      const notOpened = pagesNotOpened(params);
      if (notOpened !== undefined) {
        record(resource, 'allowed', 'cancelled');
        return outcomeResponse(client, message.id, notOpened);
      }
      params = withoutPages(params);
    }
    const args = isObject(params['arguments']) ? params['arguments'] : {};
    const mismatch = tool && client.headerMismatch(tool, args, request.headers);
    if (mismatch !== undefined) {
      record(resource, 'refused', 'invalid');
      return jsonResponse(400, message.id, {
        error: { code: HEADER_MISMATCH, message: `Headers and body disagree: ${mismatch}.` },
      });
    }
    const shared = caller.session && sharedState(caller.session, message.method, server);
    return andThen(shared, (state) => {
      const relayed = relayedCall(call, { ...routed, params }, state, catalogueMs, record);
      const fields = { traceId: request.trace.traceId, tenantId: request.actor.tenantId };
      return relay(relayed, request.signal, log, fields);
    });
  }

  /** Returns the state of a session for a request of its client, and listens to the server where that may ask the client. */
  function sharedState(session: ClientSession, method: string, server: ActiveServer): Awaitable<SharedState> {
    const feed = allowsServerRequests(method) ? parts.feeds.get(session.id) : undefined;
    return andThen(session.shared(), (shared) =>
      feed ? feed.listenDuringCall(server).then(() => shared) : shared,
    );
  }

  function relayedCall(
    call: Call,
    { server, tool, params, resource }: Routed,
    shared: SharedState | undefined,
    catalogueMs: number,
    record: RecordCall,
  ): RelayedCall {
    const { inbound, request, view, caller } = call;
    const { client, message } = inbound;
    const { session } = caller;
    const { method } = message;
    const { actor, trace } = request;
    const list = LISTS.get(method);
    return {
      call: {
        id: message.id,
        method,
        tool,
        params,
        envelope: envelopeOf(call, 'logging' in server.discovery.capabilities, shared),
        traceparent: outgoingTraceparent(trace, metaOf(message.params)),
        timeoutMs: server.upstream?.timeoutMs,
      },
      connection: connectionFor(call, server, shared, tool, params),
      client,
      audience: audienceOf(call, shared),
      accepts: call.accepts,
      server: server.slug,
      catalogueMs,
      show: list ? (result) => repairPage(list, result) : (result) => view.show(server, result),
      idFor: (id, replyTo) => {
        if (session === undefined) throw new Error('a client without a session got a server request');
        return serverRequests.idFor(actor, session, { slug: server.slug, id, replyTo });
      },
      askToSignIn: ({ signInUrl: url }) =>
        client.askToOpen(
          {
            id: parts.newId(),
            url,
            message: `The server "${server.slug}" needs your own account there: sign in first.`,
          },
          method,
          caller.capabilities ?? {},
        ),
      onEnd: (outcome) => {
        call.onEnd();
        if (!unrecorded.has(method)) record(resource, 'allowed', outcome);
      },
      onFault: (kind) => {
        parts.onUpstreamFault?.({ tenantId: actor.tenantId, server: server.slug, kind, trace });
      },
    };
  }

  function connectionFor(
    { inbound, request, caller }: Call,
    server: ActiveServer,
    shared: SharedState | undefined,
    tool: Tool | undefined,
    { requestState }: JsonObject,
  ): Connection {
    const { session } = caller;
    const logLevel = inbound.envelope ? inbound.envelope.logLevel : shared?.logLevel;
    const connect = (to: ActiveServer): Connection => {
      const connection = connector.connect(to, caller, logLevel);
      return session && connection.usesMrtr
        ? withMrtr(connection, session.capabilities, serverRequests.wait)
        : connection;
    };
    const connection = retryAfterRefresh(connect(server), async () => {
      await parts.refresh(server);
      const now = await parts.find(request.actor.tenantId, server.slug);
      const renewed = now?.discovery.tools.find(({ name }) => name === tool?.name);
      return now && { connection: connect(now), tool: renewed };
    });
    if (inbound.envelope === undefined || connection.usesMrtr) return connection;
    const mayBeAsked = allowsServerRequests(inbound.message.method) && canBeAsked(caller.capabilities ?? {});
    return mayBeAsked || requestState !== undefined
      ? heldCalls.bridge(connection, holderOf(server, caller))
      : connection;
  }

  function holderOf(server: ActiveServer, caller: UpstreamCaller): Holder {
    return {
      actor: caller.actor,
      slug: server.slug,
      capabilities: caller.capabilities ?? {},
      deliver: async ({ request: { id }, replyTo }, outcome, signal) => {
        if (replyTo.kind === 'session')
          await answerServer(server, replyTo, { id, ...outcome }, caller, signal, parts);
      },
    };
  }
}

/** Returns the resource of a request for something that does not exist, for the audit trail. */
function requestedResource(method: string, params: JsonObject): string {
  const { name } = params;
  if (typeof name !== 'string') return method;
  const [slug = '', ...rest] = name.split('__');
  const list = method === 'prompts/get' ? 'prompts' : 'tools';
  return rest.length === 0 || slug === '' ? `${list}/${name}` : `servers/${slug}/${list}/${rest.join('__')}`;
}

function reject({ inbound }: Call, error: DomainError): Response {
  const { client, message } = inbound;
  const isResource = error.kind === 'not_found' && message.method.startsWith('resources/');
  const data = isResource ? { uri: message.params?.['uri'] } : undefined;
  const rejection: JsonRpcError = toJsonRpcError(error, data);
  return outcomeResponse(client, message.id, {
    error: isResource ? { ...rejection, code: client.resourceNotFound } : rejection,
  });
}

/** The client's trace in `_meta` has priority over the trace of the HTTP request, which a proxy may have started. */
function outgoingTraceparent(trace: Trace, { traceparent }: JsonObject): string {
  if (typeof traceparent === 'string') {
    const continued = continueTrace(traceparent);
    if (traceparent.includes(continued.traceId)) return traceparentOf(continued);
  }
  return traceparentOf(trace);
}
