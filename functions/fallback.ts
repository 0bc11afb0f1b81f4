import { preflight } from './cors.ts';
import { type IncomingRequest, type Route, problemAnswer, toResponse } from './http.ts';
import { matches } from './paths.ts';

type Placed = Pick<Route, 'method' | 'path' | 'permission'>;

/**
 * Answers what no function takes: preflights of pages, `HEAD` and undeclared methods of known paths (405 with `Allow`), and
 * unknown paths (404). The host itself would answer an empty 404 to all of them.
 */
export function fallback(
  request: IncomingRequest,
  routes: readonly Placed[],
  allowedOrigins: ReadonlySet<string>,
): Response {
  const { pathname } = new URL(request.url);
  const here = routes.filter(({ path }) => matches(path, pathname));
  const methods = here.map(({ method }) => method);
  const origin = request.headers.get('origin');
  if (here.length === 0) {
    return toResponse(problemAnswer({ kind: 'not_found', message: 'there is nothing at this path' }));
  }
  if (request.method === 'OPTIONS' && origin !== null) {
    return preflight(
      origin,
      methods,
      here.every(({ permission }) => permission === 'anonymous') ? 'any' : allowedOrigins,
    );
  }
  const { headers, ...problem } = problemAnswer({
    kind: 'method_not_allowed',
    message: `this path takes ${methods.join(', ')}, not ${request.method}`,
  });
  return toResponse({ ...problem, headers: { ...headers, allow: methods.join(', ') } });
}
