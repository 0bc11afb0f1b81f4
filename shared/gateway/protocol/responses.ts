import { faultError } from '../../platform/base/errors.ts';
import { retryAfter, toProblem } from '../../platform/http/problem.ts';
import { TextResponse } from '../../platform/http/responses.ts';
import type { Log, LogFields } from '../../platform/telemetry/log.ts';
import type { InboundRequest } from './classify.ts';
import type { ClientEra } from './clientEra.ts';
import { METHOD_NOT_FOUND, toJsonRpcError } from './errorCodes.ts';
import { type JsonObject, type Outcome, type RequestId, writeResponse } from './jsonRpc.ts';

/** One JSON-RPC response as the whole body. */
export function jsonResponse(
  status: number,
  id: RequestId | null,
  outcome: Outcome,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new TextResponse(writeResponse(id, outcome), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** Returns a successful JSON response as a stream of one event, for a client that accepts only streams. */
export function asEvents(response: Response): Response {
  if (!(response instanceof TextResponse) || response.status !== 200) return response;
  const { headers } = response;
  headers.set('content-type', 'text/event-stream');
  headers.set('cache-control', 'no-cache, no-transform');
  // A line break in JSON is white space, but it would end the data of the event.
  const data = String(response.content).replace(/[\r\n]+/g, ' ');
  return new TextResponse(`event: message\ndata: ${data}\n\n`, { status: 200, headers });
}

/** The outcome of a method. Most errors have HTTP 200 too, because the gateway carried out the call. */
export function outcomeResponse(client: ClientEra, id: RequestId, outcome: Outcome): Response {
  return jsonResponse('error' in outcome ? client.errorStatus(outcome.error.code) : 200, id, outcome);
}

/** A result that the gateway itself made. */
export function ownResult({ client, message }: InboundRequest, result: JsonObject): Response {
  return jsonResponse(200, message.id, { result: client.ownResult(result) });
}

export function invalid({ client, message }: InboundRequest, problem: string): Response {
  return outcomeResponse(client, message.id, {
    error: toJsonRpcError({ kind: 'invalid', message: problem }),
  });
}

/** HTTP 404 for modern clients (2026-07-28, transports, Protocol Version Header), HTTP 200 for legacy ones. */
export function noMethod({ client, message }: InboundRequest): Response {
  return outcomeResponse(client, message.id, {
    error: {
      code: METHOD_NOT_FOUND,
      message: `This endpoint has no method "${message.method.slice(0, 100)}".`,
    },
  });
}

/** Logs a fault of the gateway or of a service that it depends on. Returns the JSON-RPC error, which says which of the two. */
export function faultOutcome(error: unknown, log: Log, fields: LogFields): Outcome {
  log.error('request_failed', fields, error);
  return { error: toJsonRpcError(faultError(error), { traceId: fields['traceId'] }) };
}

/**
 * Returns the response to a fault that occurred before the response began, in both eras: HTTP 503 with `Retry-After` for a
 * service that does not answer, and HTTP 200 for a fault of the gateway, as for other JSON-RPC errors.
 */
export function faultResponse(id: RequestId | null, error: unknown, outcome: Outcome): Response {
  const shown = faultError(error);
  if (shown.kind !== 'unavailable') return jsonResponse(200, id, outcome);
  return jsonResponse(toProblem(shown).status, id, outcome, retryAfter(shown));
}
