import { matches } from './paths.ts';
import type { Route } from './route.ts';
import type { IncomingRequest } from './serve.ts';

/**
 * Returns a request for a path with repeated slashes as the request for the path without them, with the route that it then
 * matches; `undefined` if there is none. Clients of registries append `/v0.1/servers` to a base URL that ends with a slash. Only
 * routes for pages of every origin are found, which are reads.
 */
export function withoutRepeatedSlashes(
  request: IncomingRequest,
  routes: readonly Route<unknown>[],
): { readonly route: Route<unknown>; readonly request: IncomingRequest } | undefined {
  const url = URL.parse(request.url);
  if (!url?.pathname.includes('//')) return undefined;
  url.pathname = url.pathname.replace(/\/{2,}/g, '/');
  const route = routes.find(
    ({ method, path, pages }) =>
      pages === 'every' && method === request.method && matches(path, url.pathname),
  );
  const { method, headers, body } = request;
  return route && { route, request: { method, url: url.href, headers, body } };
}
