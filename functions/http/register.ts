import {
  app,
  type HttpHandler,
  type HttpMethod,
  HttpResponse,
  type HttpResponseInit,
} from '@azure/functions';
import { StreamResponse, TextResponse } from '../../shared/platform/http/responses.ts';
import { fallback } from './fallback.ts';
import { withoutRepeatedSlashes } from './repeatedSlashes.ts';
import type { Route } from './route.ts';
import { type HttpDeps, type HttpFunction, recorded, serve } from './serve.ts';

/** The host matches routes in the alphabetical order of the functions' names, so this one comes last. */
export const FALLBACK_NAME = 'zz-fallback';
const everyMethod: HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Registers the routes of an app, and a function, last by name, that answers all other requests. */
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
    handler: handledBy(answerOthers(routes, deps)),
  });
}

/** Answers the requests that the host matches to no route. */
function answerOthers(routes: readonly Route<unknown>[], deps: HttpDeps): HttpFunction {
  const answer = recorded(FALLBACK_NAME, deps, (request) => fallback(request, routes, deps));
  return (request) => {
    const meant = withoutRepeatedSlashes(request, routes);
    return meant ? serve(meant.route, deps)(meant.request) : answer(request);
  };
}

const handledBy =
  (answer: HttpFunction): HttpHandler =>
  async (request) =>
    hostResponse(await answer(request));

/**
 * Returns a response that the Functions library writes without a copy. The library copies every other response and wraps its
 * stream. The library itself passes `nativeResponse` to the constructor, and reads these three properties.
 */
export function hostResponse(response: Response): HttpResponse {
  const { status, headers } = response;
  const body = bodyOf(response);
  const nativeResponse = body === undefined ? response : { status, headers, body: { values: () => body } };
  return new HttpResponse({ nativeResponse } as HttpResponseInit);
}

function bodyOf(response: Response): string | Uint8Array | AsyncIterable<Uint8Array> | undefined {
  if (response instanceof TextResponse) return response.content;
  return response instanceof StreamResponse ? response.chunks : undefined;
}
