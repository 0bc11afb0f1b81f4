import { type HttpMethod, app } from '@azure/functions';
import { fallback } from './fallback.ts';
import { type HttpDeps, type Route, serve } from './http.ts';

const everyMethod: HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Registers the routes of an app, and last by name the function that answers what none of them takes. */
export function registerRoutes(routes: readonly Route<unknown>[], deps: HttpDeps): void {
  for (const route of routes) {
    app.http(route.name, {
      methods: [route.method],
      route: route.path,
      authLevel: 'anonymous',
      handler: serve(route, deps),
    });
  }
  app.http('zz-fallback', {
    methods: everyMethod,
    route: '{*path}',
    authLevel: 'anonymous',
    handler: (request) => Promise.resolve(fallback(request, routes, deps.allowedOrigins)),
  });
}
