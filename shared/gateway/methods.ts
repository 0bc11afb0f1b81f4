import { continueTrace, type Trace, traceparentOf } from '../platform/trace.ts';
import type { Era } from '../registry/server.ts';
import { findTool, listTools } from './catalogue.ts';
import type { GatewayDeps, McpRequest } from './request.ts';
import type { Inbound } from './era.ts';
import { HEADER_MISMATCH, toJsonRpcError } from './errorCodes.ts';
import { isObject, type JsonObject } from './jsonRpc.ts';
import type { Audience } from './notifications.ts';
import { mismatchedParameter, parameterHeaders } from './parameterHeaders.ts';
import {
  GATEWAY_INFO,
  LATEST_LEGACY,
  LEGACY_VERSIONS,
  LOG_LEVELS,
  metaOf,
  SUPPORTED_VERSIONS,
} from './protocol.ts';
import { recordCall } from './recordCall.ts';
import { relay } from './relay.ts';
import { jsonResponse, outcomeResponse } from './responses.ts';
import { dressResult } from './translate.ts';
import { createConnect } from './upstream/connect.ts';

type InboundRequest = Extract<Inbound, { kind: 'request' }>;
interface Call {
  readonly inbound: InboundRequest;
  readonly request: McpRequest;
}
type Method = (call: Call) => Response | Promise<Response>;

const CAPABILITIES = { tools: {} } as const;
const INSTRUCTIONS =
  'Tools of several MCP servers behind one endpoint. A tool is named {server}__{tool}: call it by that whole name.';
/** A server that is registered or withdrawn shows with the next list; clients must not share one caller's view. */
const CACHE_HINTS = { ttlMs: 0, cacheScope: 'private' } as const;

/** The methods that the endpoint knows, by the era of the client. */
export function createMethods(deps: GatewayDeps): Record<Era, ReadonlyMap<string, Method>> {
  const { servers, log, audit } = deps;
  const connect = createConnect(deps.outbound);

  const list: Method = async ({ inbound, request }) => {
    if (inbound.message.params?.['cursor'] !== undefined) {
      return invalid(inbound, 'The list has one page: there is no cursor to go on from.');
    }
    const tools = await listTools(servers, request.principal.tenantId, inbound.era);
    return own(inbound, { tools }, CACHE_HINTS);
  };

  const call: Method = async ({ inbound, request }) => {
    const { era, message } = inbound;
    const { principal, headers, signal } = request;
    const params = message.params ?? {};
    const { name, arguments: args } = params;
    if (typeof name !== 'string') return invalid(inbound, 'params.name must be the name of a tool.');
    if (args !== undefined && !isObject(args)) return invalid(inbound, 'params.arguments must be an object.');
    const record = recordCall(request, name, audit);
    const found = await findTool(servers, principal.tenantId, name);
    if (found === undefined) {
      record('refused', 'not_found');
      return invalid(
        inbound,
        `There is no tool "${name.slice(0, 200)}". tools/list names the tools that you can call.`,
      );
    }
    const { server, tool } = found;
    if (era === 'modern') {
      const mismatch = mismatchedParameter(parameterHeaders(tool['inputSchema']) ?? [], args ?? {}, headers);
      if (mismatch !== undefined) {
        record('refused', 'invalid');
        return jsonResponse(400, message.id, {
          error: { code: HEADER_MISMATCH, message: `Headers and body disagree: ${mismatch}.` },
        });
      }
    }
    return relay(
      {
        call: {
          id: message.id,
          tool,
          params,
          envelope: era === 'modern' ? inbound.envelope : undefined,
          traceparent: outgoingTraceparent(request.trace, metaOf(params)),
        },
        connection: connect(server.url, found.era, principal),
        era,
        audience: audienceOf(inbound),
        server: server.slug,
        onEnd: (outcome) => {
          record('allowed', outcome);
        },
        onFault: (kind) => {
          deps.onUpstreamFault?.({
            tenantId: principal.tenantId,
            server: server.slug,
            kind,
            trace: request.trace,
          });
        },
      },
      signal,
      log,
      { traceId: request.trace.traceId, tenantId: principal.tenantId },
    );
  };

  return {
    legacy: new Map<string, Method>([
      ['initialize', initialize],
      ['ping', ({ inbound }) => own(inbound, {})],
      ['tools/list', list],
      ['tools/call', call],
    ]),
    modern: new Map<string, Method>([
      ['server/discover', discover],
      ['tools/list', list],
      ['tools/call', call],
    ]),
  };
}

/** 2025-11-25, lifecycle, Version Negotiation. No session is opened: each request can be answered by itself. */
const initialize: Method = ({ inbound }) => {
  const requested = inbound.message.params?.['protocolVersion'];
  if (typeof requested !== 'string') {
    return invalid(inbound, 'params.protocolVersion must name the version that the client speaks.');
  }
  return own(inbound, {
    protocolVersion: LEGACY_VERSIONS.includes(requested) ? requested : LATEST_LEGACY,
    capabilities: CAPABILITIES,
    serverInfo: GATEWAY_INFO,
    instructions: INSTRUCTIONS,
  });
};

/** 2026-07-28, server/discover. */
const discover: Method = ({ inbound }) =>
  own(
    inbound,
    { supportedVersions: SUPPORTED_VERSIONS, capabilities: CAPABILITIES, instructions: INSTRUCTIONS },
    CACHE_HINTS,
  );

/** A result of the gateway's own; hints for caches are for those who know them. */
function own({ era, message }: InboundRequest, result: JsonObject, hints: JsonObject = {}): Response {
  const dressed = era === 'modern' ? dressResult({ ...result, ...hints }) : result;
  return outcomeResponse(era, message.id, { result: dressed });
}

function invalid({ era, message }: InboundRequest, problem: string): Response {
  return outcomeResponse(era, message.id, { error: toJsonRpcError({ kind: 'invalid', message: problem }) });
}

function audienceOf(inbound: InboundRequest): Audience {
  const { progressToken } = metaOf(inbound.message.params);
  const [lowest] = LOG_LEVELS;
  return {
    ...((typeof progressToken === 'string' || typeof progressToken === 'number') && { progressToken }),
    // A legacy client hears all that its server logs, as it has set no level.
    logLevel: (inbound.era === 'modern' ? inbound.envelope.logLevel : lowest) ?? 'none',
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
