import type { DomainError } from '../../shared/platform/base/errors.ts';
import { type Result, succeed } from '../../shared/platform/base/result.ts';
import { retryAfter, toProblem } from '../../shared/platform/http/problem.ts';
import { TextResponse } from '../../shared/platform/http/responses.ts';
import type { Answer, Route } from './route.ts';

/** Returns the result of a handler as a response. */
export function responseOf<Body>(route: Route<Body>, result: Result<Answer> | Response): Response {
  if (result instanceof Response) return result;
  return result.ok ? toResponse(result.value) : refuse(route, result.error);
}

/** Returns an error in the format of the route, with `Retry-After` if the error has it. */
export function refuse<Body>(
  route: Route<Body>,
  error: DomainError,
  headers: Answer['headers'] = {},
): Response {
  const answer = (route.formatError ?? problemAnswer)(error);
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

/** Returns a document that is the same for everybody. Clients and proxies may keep it for an hour. */
export const publicDocument = (body: unknown): Result<Answer> =>
  succeed({ status: 200, body, headers: { 'cache-control': 'public, max-age=3600' } });

/** Returns a redirect of the browser (RFC 9110, section 15.4.4): `GET`, whatever the method was. */
export function redirect(location: string, setCookie?: string): Response {
  const headers = new Headers({ ...secretUrlHeaders, location });
  if (setCookie !== undefined) headers.set('set-cookie', setCookie);
  return new Response(null, { status: 303, headers });
}

/**
 * Headers of every answer about a URL that holds a secret: no cache stores the answer, no browser guesses its type, and linked
 * pages do not receive the URL (RFC 9111, section 5.2.2.5; Fetch standard, `X-Content-Type-Options`; Referrer Policy).
 */
export const secretUrlHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;
