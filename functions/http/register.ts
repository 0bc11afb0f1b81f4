import { type HttpHandler, type HttpMethod, app } from '@azure/functions';
import { fallback } from './fallback.ts';
import { hostResponse } from './hostResponse.ts';
import { type HttpDeps, type HttpFunction, recorded, serve } from './serve.ts';
import type { Route } from './route.ts';

/** The host matches routes in the alphabetical order of the functions' names: this one comes last. */
export const FALLBACK_NAME = 'zz-fallback';
const everyMethod: HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Registers the routes of an app, and last by name the function that answers what none of them takes. */
export function registerRoutes(routes: readonly Route<unknown>[], deps: HttpDeps): void {
  for (const route of routes) {
    app.http(route.name, {
      methods: [route.method],
      route: route.path,
      authLevel: 'anonymous',
      handler: handledBy(serve(route, deps)),
    });
  }
  app.http(FALLBACK_NAME, {
    methods: everyMethod,
    route: '{*path}',
    authLevel: 'anonymous',
    handler: handledBy(recorded(FALLBACK_NAME, deps, (request) => fallback(request, routes, deps))),
  });
}

const handledBy =
  (answer: HttpFunction): HttpHandler =>
  async (request) =>
    hostResponse(await answer(request));
