import { faultError } from '../../platform/base/errors.ts';
import { INTERNAL_ERROR, toJsonRpcError } from '../protocol/errorCodes.ts';
import type { JsonObject, JsonRpcError, JsonRpcRequest, Outcome } from '../protocol/jsonRpc.ts';
import { NAMED_BY } from '../protocol/parameterHeaders.ts';
import type { Answer } from '../upstream/answer.ts';
import type { UpstreamCall } from '../upstream/connection.ts';
import { faultErrors, UpstreamFault } from '../upstream/fault.ts';

/** The key of the server request in a result. A legacy server sends one at a time. */
export const KEY = 'request';

/** Returns the name or URI that a request is about. A retry names the same tool, prompt or resource as the first call. */
export function subjectOf({ method, params }: UpstreamCall): string {
  const subject = params[NAMED_BY.get(method) ?? ''];
  return typeof subject === 'string' ? subject : '';
}

/** Returns the result that asks a modern client. `elicitationId` is of the 2025 revisions alone. */
export function inputRequired({ method, params }: JsonRpcRequest, requestState: string): JsonObject {
  const { elicitationId: _legacy, ...rest } = params ?? {};
  const request = { method, ...(params && { params: rest }) };
  return { resultType: 'input_required', inputRequests: { [KEY]: request }, requestState };
}

/** The gateway's answer to a server request that no held call can carry. */
export const TOO_MANY = {
  code: INTERNAL_ERROR,
  message: 'The client cannot be asked now: too many calls wait for an answer.',
} as const;

/** Rejects the retry of a call. */
export const rejected = (message: string): Answer => ({ kind: 'whole', outcome: rejection(message) });

const rejection = (message: string): Outcome => ({ error: toJsonRpcError({ kind: 'invalid', message }) });

/** The outcome of a retry whose call has ended, or was lost with its instance. */
export const NO_LONGER_HELD = rejection(
  'The server no longer waits for this input: make the call without params.requestState.',
);

/** Returns a failure of a held call as its client sees it. */
export const errorOf = (error: unknown, server: string): JsonRpcError =>
  error instanceof UpstreamFault
    ? toJsonRpcError(
        { kind: faultErrors[error.kind], message: `The server "${server}" ${error.message}.` },
        { server, kind: error.kind },
      )
    : toJsonRpcError(faultError(error));
