import { type DomainError, InfrastructureError } from '../shared/platform/errors.ts';
import { toProblem } from '../shared/platform/problem.ts';
import type { Result } from '../shared/platform/result.ts';
import { TextResponse } from '../shared/platform/textResponse.ts';
import type { Answer, Route } from './route.ts';

/** What a handler said, as a response. */
export function responseOf<Body>(route: Route<Body>, result: Result<Answer> | Response): Response {
  if (result instanceof Response) return result;
  return result.ok ? toResponse(result.value) : refuse(route, result.error);
}

/** What a caller learns of what was thrown. */
export function faultError(error: unknown): DomainError {
  return error instanceof InfrastructureError
    ? {
        kind: 'unavailable',
        message: 'a part that the gateway stands on does not answer: try again in a moment',
      }
    : { kind: 'internal', message: 'an unexpected fault: the log has it under the trace id of this answer' };
}

/** An error in the words of the route, with how long to wait where that helps. */
export function refuse<Body>(
  route: Route<Body>,
  error: DomainError,
  headers: Answer['headers'] = {},
): Response {
  const answer = (route.wordError ?? problemAnswer)(error);
  return toResponse({ ...answer, headers: { ...answer.headers, ...patience(error), ...headers } });
}

/** Long enough for an instance to be replaced, short enough for a person. */
const UNAVAILABLE_FOR_MS = 5_000;

function patience({ kind, retryAfterMs }: DomainError): Answer['headers'] {
  const waitMs = retryAfterMs ?? (kind === 'unavailable' ? UNAVAILABLE_FOR_MS : undefined);
  return waitMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) };
}

export function problemAnswer(error: DomainError): Answer {
  const problem = toProblem(error);
  return { status: problem.status, body: problem, headers: { 'content-type': 'application/problem+json' } };
}

export function toResponse({ status, body, headers }: Answer): Response {
  if (body === undefined) return new Response(null, { status, ...(headers && { headers }) });
  return new TextResponse(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
