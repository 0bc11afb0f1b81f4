import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { isObject, type JsonObject, type JsonRpcRequest } from '../protocol/jsonRpc.ts';
import { encodeHeaderValue, mirrorParameters, parameterHeaders } from '../protocol/parameterHeaders.ts';
import { GATEWAY_INFO, LATEST_MODERN, META, metaOf, NAMED_BY, withoutReserved } from '../protocol/versions.ts';
import { type Answer, answerTo } from './answer.ts';
import type { Connection, UpstreamCall } from './connection.ts';
import { LISTEN, LISTEN_WITHIN_MS } from './subscription.ts';
import { send } from './exchange.ts';

/** A server of the modern era (2026-07-28): every call stands alone and says all of its sender, so ids pass as they are. */
export function modernConnection(outbound: OutboundClient, url: string): Connection {
  return {
    era: 'modern',
    request: (call, signal) => {
      const { id, method, tool, params, traceparent } = call;
      const args = isObject(params['arguments']) ? params['arguments'] : {};
      const name = params[NAMED_BY.get(method) ?? ''];
      return askModern(outbound, url, { jsonrpc: '2.0', id, method, params: paramsOf(call) }, signal, {
        ...(typeof name === 'string' && { 'mcp-name': encodeHeaderValue(name) }),
        ...(tool && mirrorParameters(parameterHeaders(tool['inputSchema']) ?? [], args)),
        traceparent,
      });
    },
  };
}

/** Sends one request with the headers that every modern request has (transports, Request Metadata). @throws UpstreamFault */
export async function askModern(
  outbound: OutboundClient,
  url: string,
  request: JsonRpcRequest,
  signal: AbortSignal,
  extraHeaders?: Readonly<Record<string, string>>,
): Promise<Answer> {
  const reply = await send(outbound, {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': LATEST_MODERN,
      'mcp-method': request.method,
      ...extraHeaders,
    },
    message: request,
    signal,
  });
  if (request.method === LISTEN) reply.idleMs = LISTEN_WITHIN_MS;
  // A modern server must not make requests; one that does is not answered (transports, Receiving Messages).
  return answerTo(reply, request.id, () => Promise.resolve(undefined));
}

/** What the gateway says of itself where it speaks for nobody, or for a client that said nothing (basic, `_meta`). */
export const ownEnvelope: JsonObject = {
  [META.protocolVersion]: LATEST_MODERN,
  [META.clientInfo]: GATEWAY_INFO,
  [META.clientCapabilities]: {},
};

function paramsOf({ params, envelope, traceparent }: UpstreamCall): JsonObject {
  return {
    ...params,
    _meta: {
      ...withoutReserved(metaOf(params)),
      ...ownEnvelope,
      ...(envelope && { [META.clientCapabilities]: withoutTasks(envelope.clientCapabilities) }),
      ...(envelope?.clientInfo && { [META.clientInfo]: envelope.clientInfo }),
      ...(envelope?.logLevel !== undefined && { [META.logLevel]: envelope.logLevel }),
      traceparent,
    },
  };
}

const TASKS = 'io.modelcontextprotocol/tasks';

/** The gateway cannot route `tasks/get` yet, so a server must not answer with a task that nobody could ask after. */
function withoutTasks(capabilities: JsonObject): JsonObject {
  const { extensions } = capabilities;
  if (!isObject(extensions) || !(TASKS in extensions)) return capabilities;
  const { [TASKS]: _tasks, ...others } = extensions;
  return { ...capabilities, extensions: others };
}
