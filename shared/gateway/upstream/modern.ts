import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { traceparentOf } from '../../platform/telemetry/trace.ts';
import { GATEWAY_INFO, META, metaOf, withoutReserved, withoutTasks } from '../protocol/envelope.ts';
import { isObject, type JsonObject, type JsonRpcRequest } from '../protocol/jsonRpc.ts';
import { CALL_TIMEOUT_MS, LISTEN_TIMEOUT_MS } from '../protocol/limits.ts';
import { ACKNOWLEDGED, LISTEN, listenParams } from '../protocol/notifications.ts';
import {
  encodeHeaderValue,
  mirrorParameters,
  NAMED_BY,
  parameterHeaders,
} from '../protocol/parameterHeaders.ts';
import { LATEST_MODERN } from '../protocol/versions.ts';
import { type Answer, answerTo, nextItem } from './answer.ts';
import type { Connection, UpstreamCall } from './connection.ts';
import { send } from './exchange.ts';
import type { RequestIds } from './requestIds.ts';
import type { UpstreamEra } from './upstreamEra.ts';

/** Servers of 2026-07-28 and later. Each call describes its sender, so servers keep no sessions. */
export const modernUpstream: UpstreamEra = {
  subscribesByRequest: false,
  listensByCall: true,
  mayRequest: () => false,
  streamKey: (uris) => JSON.stringify(uris),
  connect: (access, server, caller) =>
    modernConnection(
      access.clientFor(server, caller),
      server.url,
      server.discovery.protocolVersion,
      access.nextId,
    ),

  async *listen(access, server, caller, wanted, trace, signal) {
    const notifications = listenParams(wanted, wanted.uris.get(server.slug) ?? []);
    const answer = await access.connect(server, caller).request(
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
  },
};

function modernConnection(
  outbound: OutboundClient,
  url: string,
  version: string,
  nextId: RequestIds,
): Connection {
  return {
    era: 'modern',
    usesMrtr: true,
    request: (call, signal) => {
      const { id: clientId, method, tool, params, traceparent, timeoutMs } = call;
      const args = isObject(params['arguments']) ? params['arguments'] : {};
      const name = params[NAMED_BY.get(method) ?? ''];
      // The answer comes in the same exchange, so any whole number will do.
      const id = typeof clientId === 'number' ? clientId : nextId();
      const request = { jsonrpc: '2.0', id, method, params: paramsOf(call, version) } as const;
      const headers = {
        ...(typeof name === 'string' && { 'mcp-name': encodeHeaderValue(name) }),
        ...(tool && mirrorParameters(parameterHeaders(tool['inputSchema']) ?? [], args)),
        traceparent,
      };
      return askModern(outbound, url, version, request, signal, headers, timeoutMs);
    },
  };
}

/** Sends one request with the headers of every modern request (transports, Request Metadata). @throws UpstreamFault */
export function askModern(
  outbound: OutboundClient,
  url: string,
  version: string,
  message: JsonRpcRequest,
  signal: AbortSignal,
  extraHeaders?: Readonly<Record<string, string>>,
  timeoutMs = CALL_TIMEOUT_MS,
): Promise<Answer> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': version,
    'mcp-method': message.method,
    ...extraHeaders,
  };
  return send(outbound, { method: 'POST', url, headers, message, signal }).then((reply) => {
    reply.idleMs = message.method === LISTEN ? LISTEN_TIMEOUT_MS : timeoutMs;
    // A modern server must not send server requests. The gateway answers none (transports, Receiving Messages).
    return answerTo(reply, message.id, () => Promise.resolve(undefined));
  });
}

/**
 * Returns the envelope of the gateway itself, for calls without a client and for clients without a description (basic, `_meta`).
 */
export const ownEnvelopeFor = (version: string, capabilities: JsonObject = {}): JsonObject => ({
  [META.protocolVersion]: version,
  [META.clientInfo]: GATEWAY_INFO,
  [META.clientCapabilities]: capabilities,
});

/** The same in the newest revision. */
export const ownEnvelope: JsonObject = ownEnvelopeFor(LATEST_MODERN);

function paramsOf({ params, envelope, traceparent }: UpstreamCall, version: string): JsonObject {
  return {
    ...params,
    _meta: {
      ...withoutReserved(metaOf(params)),
      [META.protocolVersion]: version,
      [META.clientInfo]: envelope?.clientInfo ?? GATEWAY_INFO,
      [META.clientCapabilities]: withoutTasks(envelope?.clientCapabilities ?? {}),
      // JSON leaves out an absent level.
      [META.logLevel]: envelope?.logLevel,
      traceparent,
    },
  };
}
