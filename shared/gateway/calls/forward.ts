import type { DomainError } from '../../platform/base/errors.ts';
import { SERVER_TIMING, stage } from '../../platform/telemetry/serverTiming.ts';
import { continueTrace, type Trace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { ActiveServer } from '../catalogue/catalogue.ts';
import { repairPage } from '../catalogue/readLists.ts';
import { disabledServer, LISTS } from '../catalogue/view.ts';
import { allowsServerRequests, canBeAsked } from '../protocol/clientFeatures.ts';
import { metaOf } from '../protocol/envelope.ts';
import { HEADER_MISMATCH, toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcError } from '../protocol/jsonRpc.ts';
import { pagesNotOpened, withoutPages } from '../protocol/pagesToOpen.ts';
import { jsonResponse, noMethod, outcomeResponse } from '../protocol/responses.ts';
import type { Holder } from '../session/heldCalls.ts';
import type { Connection, SharedState, UpstreamCaller } from '../upstream/connection.ts';
import { withMrtr } from '../upstream/mrtr.ts';
import { retryAfterRefresh } from '../upstream/refreshRetry.ts';
import { audienceOf, envelopeOf } from './audience.ts';
import { type Call, type Method, recordCall } from './call.ts';
import type { Parts } from './parts.ts';
import { relay } from './relay.ts';
import { answerServer } from './sessionMessages.ts';

/** Methods without an audit record: they serve the input of other calls. */
const unrecorded: ReadonlySet<string> = new Set(['completion/complete']);

/** Forwards a request to its server, and the server's answer to the client. */
export function createForward(parts: Parts): Method {
  const { connector, serverRequests, heldCalls, audit, log } = parts;

  return async (call) => {
    const { inbound, request, view, caller } = call;
    const { client, message } = inbound;
    const { session } = caller;
    const { method } = message;
    const { actor, headers, trace, signal } = request;
    const params = message.params ?? {};
    if (method === 'tools/call' && params['arguments'] !== undefined && !isObject(params['arguments']))
      return reject(call, { kind: 'invalid', message: 'params.arguments must be an object.' });
    const record = recordCall(request, method, audit);
    const askedAt = performance.now();
    const routed = await view.route(method, params);
    const catalogueMs = call.viewMs + performance.now() - askedAt;
    if (!routed.ok) {
      const { kind } = routed.error;
      if (kind === 'method_not_allowed') return noMethod(inbound);
      if (kind === 'not_found') record(requestedResource(method, params), 'refused', kind);
      const slug = kind === 'not_found' ? view.slugIn?.(method, params) : undefined;
      const isDisabled = slug !== undefined && (await parts.isDisabled(actor.tenantId, slug));
      return reject(call, isDisabled ? disabledServer(slug) : routed.error);
    }
    const { server, tool, resource } = routed.value;
    let own = routed.value.params;
    if (own['inputResponses'] !== undefined) {
      const notOpened = pagesNotOpened(own);
      if (notOpened !== undefined) {
        record(resource, 'allowed', 'cancelled');
        return outcomeResponse(client, message.id, notOpened);
      }
      own = withoutPages(own);
    }
    if (tool) {
      const args = isObject(own['arguments']) ? own['arguments'] : {};
      const mismatch = client.headerMismatch(tool, args, headers);
      if (mismatch !== undefined) {
        record(resource, 'refused', 'invalid');
        return jsonResponse(400, message.id, {
          error: { code: HEADER_MISMATCH, message: `Headers and body disagree: ${mismatch}.` },
        });
      }
    }
    const list = LISTS.get(method);
    const shared = await session?.shared();
    if (session && allowsServerRequests(method)) await parts.feeds.get(session.id)?.listenDuringCall(server);
    const sentAt = performance.now();
    const response = await relay(
      {
        call: {
          id: message.id,
          method,
          tool,
          params: own,
          envelope: envelopeOf(call, 'logging' in server.discovery.capabilities, shared),
          traceparent: outgoingTraceparent(trace, metaOf(params)),
          timeoutMs: server.upstream?.timeoutMs,
        },
        connection: connectionFor(call, server, shared, tool, own),
        client,
        audience: audienceOf(call, shared),
        accepts: call.accepts,
        server: server.slug,
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
      },
      signal,
      log,
      { traceId: trace.traceId, tenantId: actor.tenantId },
    );
    const upstream = stage('upstream', performance.now() - sentAt);
    response.headers.append(SERVER_TIMING, `${stage('catalogue', catalogueMs)}, ${upstream}`);
    return response;
  };

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
