import type { DomainError } from '../../shared/platform/base/errors.ts';
import { retryAfter, toProblem } from '../../shared/platform/http/problem.ts';
import type { Result } from '../../shared/platform/base/result.ts';
import { TextResponse } from '../../shared/platform/http/textResponse.ts';
import type { Answer, Route } from './route.ts';

/** What a handler said, as a response. */
export function responseOf<Body>(route: Route<Body>, result: Result<Answer> | Response): Response {
  if (result instanceof Response) return result;
  return result.ok ? toResponse(result.value) : refuse(route, result.error);
}

/** An error in the words of the route, with how long to wait where that helps. */
export function refuse<Body>(
  route: Route<Body>,
  error: DomainError,
  headers: Answer['headers'] = {},
): Response {
  const answer = (route.wordError ?? problemAnswer)(error);
  return toResponse({ ...answer, headers: { ...answer.headers, ...retryAfter(error), ...headers } });
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
