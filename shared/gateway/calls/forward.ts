import { continueTrace, type Trace, traceparentOf } from '../../platform/telemetry/trace.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { SERVER_TIMING, stage } from '../../platform/telemetry/serverTiming.ts';
import type { Envelope } from '../protocol/envelope.ts';
import { HEADER_MISMATCH, LEGACY_RESOURCE_NOT_FOUND, toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcError } from '../protocol/jsonRpc.ts';
import { type Call, callerOf, type Method, noMethod, type Parts } from './call.ts';
import type { Audience } from './audience.ts';
import { mismatchedParameter, parameterHeaders } from '../protocol/parameterHeaders.ts';
import { GATEWAY_INFO, LOG_LEVELS, metaOf } from '../protocol/versions.ts';
import { recordCall } from './recordCall.ts';
import { relay } from './relay.ts';
import { jsonResponse, outcomeResponse } from '../protocol/responses.ts';
import type { Shared } from '../session/clientSessions.ts';
import { allowsQuestions, carriedFeatures } from '../protocol/clientFeatures.ts';
import type { Connection } from '../upstream/connection.ts';
import type { Tool } from '../../registry/records/server.ts';
import { withRenewal } from '../upstream/refreshRetry.ts';
import { withRounds } from '../upstream/mrtr.ts';
import type { ActiveServer } from '../catalogue/catalogue.ts';

/** Methods that take part in the protocol's own affairs are no acts of their own. */
const unrecorded: ReadonlySet<string> = new Set(['completion/complete']);

/** Gives a request to the server that it is for, and what the server says to the client. */
export function createRelayed(parts: Parts): Method {
  const { connector, questions, audit, log } = parts;

  return async (call) => {
    const { inbound, request, view, session } = call;
    const { era, message } = inbound;
    const { method } = message;
    const { principal, headers, trace, signal } = request;
    const params = message.params ?? {};
    if (method === 'tools/call' && params['arguments'] !== undefined && !isObject(params['arguments']))
      return refuse(call, { kind: 'invalid', message: 'params.arguments must be an object.' });
    const record = recordCall(request, method, audit);
    const askedAt = performance.now();
    const routed = await view.route(method, params);
    const catalogueMs = call.viewMs + performance.now() - askedAt;
    if (!routed.ok) {
      const { kind } = routed.error;
      if (kind === 'method_not_allowed') return noMethod(inbound);
      if (kind === 'not_found') record(askedFor(method, params), 'refused', kind);
      return refuse(call, routed.error);
    }
    const { server, params: own, tool, resource } = routed.value;
    if (era === 'modern' && tool) {
      const args = isObject(own['arguments']) ? own['arguments'] : {};
      const mismatch = mismatchedParameter(parameterHeaders(tool['inputSchema']) ?? [], args, headers);
      if (mismatch !== undefined) {
        record(resource, 'refused', 'invalid');
        return jsonResponse(400, message.id, {
          error: { code: HEADER_MISMATCH, message: `Headers and body disagree: ${mismatch}.` },
        });
      }
    }
    const shared = await session?.shared();
    if (session && allowsQuestions(method)) await parts.listeners.get(session.id)?.attend(server);
    const flight = session && parts.inFlight.begin(session.id, message.id, signal);
    const sentAt = performance.now();
    const response = await relay(
      {
        call: {
          id: message.id,
          method,
          tool,
          params: own,
          envelope: envelopeOf(call, server, shared),
          traceparent: outgoingTraceparent(trace, metaOf(params)),
        },
        timeoutMs: server.upstream?.timeoutMs,
        connection: connectionFor(call, server, shared, tool),
        era,
        audience: audienceOf(call, shared),
        server: server.slug,
        show: (result) => view.show(server, result),
        idFor: (id, replyTo) => {
          if (session === undefined) throw new Error('a client without a session was to be asked');
          return questions.idFor(principal, session, { slug: server.slug, id, replyTo });
        },
        onEnd: (outcome) => {
          flight?.end();
          if (!unrecorded.has(method)) record(resource, 'allowed', outcome);
        },
        onFault: (kind) => {
          parts.onUpstreamFault?.({ tenantId: principal.tenantId, server: server.slug, kind, trace });
        },
      },
      flight?.signal ?? signal,
      log,
      { traceId: trace.traceId, tenantId: principal.tenantId },
    );
    const upstream = stage('upstream', performance.now() - sentAt);
    response.headers.append(SERVER_TIMING, `${stage('catalogue', catalogueMs)}, ${upstream}`);
    return response;
  };

  function connectionFor(
    { inbound, request, session }: Call,
    server: ActiveServer,
    shared: Shared | undefined,
    tool: Tool | undefined,
  ): Connection {
    const logLevel = inbound.era === 'modern' ? inbound.envelope.logLevel : shared?.logLevel;
    const connect = (to: ActiveServer): Connection => {
      const connection = connector.connect(to, callerOf(request, session), logLevel);
      return session && connection.era === 'modern'
        ? withRounds(connection, session.capabilities, questions)
        : connection;
    };
    return withRenewal(connect(server), async () => {
      await parts.refresh(server);
      const now = await parts.find(request.principal.tenantId, server.slug);
      const renewed = now?.discovery.tools.find(({ name }) => name === tool?.name);
      return now && { connection: connect(now), tool: renewed };
    });
  }
}

/** What was asked for and is not there, for the audit trail. */
function askedFor(method: string, params: JsonObject): string {
  const { name } = params;
  if (typeof name !== 'string') return method;
  const [slug = '', ...rest] = name.split('__');
  const list = method === 'prompts/get' ? 'prompts' : 'tools';
  return rest.length === 0 || slug === '' ? `${list}/${name}` : `servers/${slug}/${list}/${rest.join('__')}`;
}

function refuse({ inbound }: Call, error: DomainError): Response {
  const { era, message } = inbound;
  const isResource = error.kind === 'not_found' && message.method.startsWith('resources/');
  const data = isResource ? { uri: message.params?.['uri'] } : undefined;
  const refusal: JsonRpcError = toJsonRpcError(error, data);
  return outcomeResponse(era, message.id, {
    error: isResource && era === 'legacy' ? { ...refusal, code: LEGACY_RESOURCE_NOT_FOUND } : refusal,
  });
}

/** What a modern server is told of a legacy client, which says it once for its session. */
function envelopeOf(
  { inbound, session }: Call,
  server: ActiveServer,
  shared: Shared | undefined,
): Envelope | undefined {
  if (inbound.era === 'modern') return inbound.envelope;
  if (session === undefined) return undefined;
  return {
    clientCapabilities: carriedFeatures(session.capabilities),
    clientInfo: session.clientInfo ?? GATEWAY_INFO,
    // A client that has set no level hears what its server thinks fit.
    ...('logging' in server.discovery.capabilities && { logLevel: shared?.logLevel ?? 'info' }),
  };
}

function audienceOf({ inbound, session }: Call, shared: Shared | undefined): Audience {
  const { progressToken } = metaOf(inbound.message.params);
  const [lowest] = LOG_LEVELS;
  return {
    ...((typeof progressToken === 'string' || typeof progressToken === 'number') && { progressToken }),
    isAsked: session !== undefined,
    // A legacy client hears all that its server logs, as long as it has set no level.
    logLevel: (inbound.era === 'modern' ? inbound.envelope.logLevel : (shared?.logLevel ?? lowest)) ?? 'none',
  };
}

/** The client's own trace in `_meta` wins over the one of the HTTP request, which proxies may have started. */
function outgoingTraceparent(trace: Trace, { traceparent }: JsonObject): string {
  if (typeof traceparent === 'string') {
    const continued = continueTrace(traceparent);
    if (traceparent.includes(continued.traceId)) return traceparentOf(continued);
  }
  return traceparentOf(trace);
}
