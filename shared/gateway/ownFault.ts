import { faultError } from '../platform/errors.ts';
import type { Log, LogFields } from '../platform/log.ts';
import { retryAfter, toProblem } from '../platform/problem.ts';
import { toJsonRpcError } from './errorCodes.ts';
import type { Outcome, RequestId } from './jsonRpc.ts';
import { jsonResponse } from './responses.ts';

/** Logs a fault of the gateway's own, or of a part that it stands on, and says in JSON-RPC which of the two it is. */
export function faultOutcome(error: unknown, log: Log, fields: LogFields): Outcome {
  log.error('request_failed', fields, error);
  return { error: toJsonRpcError(faultError(error), { traceId: fields['traceId'] }) };
}

/**
 * The answer to a request that met such a fault before its answer began, in both eras: HTTP 503 with `Retry-After` for a part
 * that does not answer, and HTTP 200 for a fault of the gateway's own, which is an answer like others.
 */
export function faultResponse(id: RequestId | null, error: unknown, outcome: Outcome): Response {
  const shown = faultError(error);
  if (shown.kind !== 'unavailable') return jsonResponse(200, id, outcome);
  return jsonResponse(toProblem(shown).status, id, outcome, retryAfter(shown));
}
