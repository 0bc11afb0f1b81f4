import { faultError } from '../../platform/base/errors.ts';
import type { Log, LogFields } from '../../platform/telemetry/log.ts';
import { retryAfter, toProblem } from '../../platform/http/problem.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import type { Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { jsonResponse } from '../protocol/responses.ts';

/** Logs a fault of the gateway or of a service that it depends on. Returns the JSON-RPC error, which says which of the two. */
export function faultOutcome(error: unknown, log: Log, fields: LogFields): Outcome {
  log.error('request_failed', fields, error);
  return { error: toJsonRpcError(faultError(error), { traceId: fields['traceId'] }) };
}

/**
 * Returns the response when such a fault came before the response began, in both eras: HTTP 503 with `Retry-After` for a
 * service that does not answer, and HTTP 200 for a fault of the gateway, as for other JSON-RPC errors.
 */
export function faultResponse(id: RequestId | null, error: unknown, outcome: Outcome): Response {
  const shown = faultError(error);
  if (shown.kind !== 'unavailable') return jsonResponse(200, id, outcome);
  return jsonResponse(toProblem(shown).status, id, outcome, retryAfter(shown));
}
