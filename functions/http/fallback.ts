import { problemAnswer, toResponse } from './answers.ts';
import { type AllowedOrigins, letEveryPageRead, letPagesRead, preflight } from './cors.ts';
import { type OwnHosts, readTarget } from './hosts.ts';
import { matches } from './paths.ts';
import type { Method, Route } from './route.ts';
import type { IncomingRequest } from './serve.ts';

type Placed = Pick<Route, 'method' | 'path' | 'permission' | 'pages' | 'answerHeaders'>;

/**
 * Answers requests that match no route: preflights of pages, `HEAD` and undeclared methods of known paths (405 with `Allow`), and
 * unknown paths (404). Without it the host answers an empty 404.
 */
export function fallback(
  request: IncomingRequest,
  routes: readonly Placed[],
  { ownHosts, allowedOrigins }: { readonly ownHosts: OwnHosts; readonly allowedOrigins: AllowedOrigins },
): Response {
  const target = readTarget(request.url, ownHosts);
  if (!target.ok) return toResponse(problemAnswer(target.error));
  const { pathname } = target.value;
  const here = routes.filter(({ path }) => matches(path, pathname));
  if (request.method === 'OPTIONS' && asksToRead(request.headers, here)) {
    return letEveryPageRead(
      new Response(null, { status: 204, headers: { 'access-control-max-age': '600' } }),
    );
  }
  const allowed = here.every(({ permission }) => permission === 'anonymous') ? 'any' : allowedOrigins;
  const methods = here.map(({ method }) => method);
  const response = answer(request, methods);
  for (const [name, value] of here.flatMap(({ answerHeaders = {} }) => Object.entries(answerHeaders)))
    response.headers.set(name, value);
  return letPagesRead(response, request.headers.get('origin'), allowed);
}

/** Returns whether the preflight asks for a route that is open to every page. */
function asksToRead(headers: Headers, here: readonly Placed[]): boolean {
  const wanted = headers.get('access-control-request-method') ?? 'GET';
  return here.some(({ method, pages }) => pages === 'every' && method === wanted);
}

function answer({ method, headers }: IncomingRequest, methods: readonly Method[]): Response {
  // A declared method arrives here only if the host reads the path differently than `matches`.
  if (methods.length === 0 || methods.some((declared) => declared === method)) {
    return toResponse(problemAnswer({ kind: 'not_found', message: 'nothing exists at this path' }));
  }
  if (method === 'OPTIONS' && headers.has('origin')) return preflight(methods);
  const allow = methods.join(', ');
  const problem = problemAnswer({
    kind: 'method_not_allowed',
    message: `this path takes ${allow}, not ${method}`,
  });
  return toResponse({ ...problem, headers: { ...problem.headers, allow } });
}
