import type { Actor } from '../../shared/identity/access/actor.ts';
import type { Clock } from '../../shared/platform/base/clock.ts';
import { type DomainError, faultError } from '../../shared/platform/base/errors.ts';
import type { IdSource } from '../../shared/platform/base/ids.ts';
import { invalidBySchema, type Result, succeed } from '../../shared/platform/base/result.ts';
import { isOwnCheck } from '../../shared/platform/outbound/ownCheck.ts';
import type { Seal } from '../../shared/platform/security/seal.ts';
import { SERVER_TIMING, stage } from '../../shared/platform/telemetry/serverTiming.ts';
import { continueTrace, type Trace, traceparentOf } from '../../shared/platform/telemetry/trace.ts';
import { type AdmissionDeps, admit, limitedError } from './admit.ts';
import { problemAnswer, refuse, responseOf, toResponse } from './answers.ts';
import { letEveryPageRead, letPagesRead } from './cors.ts';
import { createTargetReader, type OwnHosts } from './hosts.ts';
import { DEFAULT_DEADLINE_MS, SLOW_MS } from './limits.ts';
import { canName, noSuchName, pathParameters } from './paths.ts';
import { queryFailure } from './query.ts';
import { readBodyOf, readJson } from './requestBody.ts';
import type { Route } from './route.ts';

/** The part of a request that is read (`library/incomingRequest.ts`). A Fetch `Request` has it too. */
export interface IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array, undefined> | null;
  /** Where the request comes from: the last address that proxies of the platform wrote; absent where nothing tells. */
  readonly address?: string | undefined;
  /** Why the request cannot be read; its other parts are empty then (`library/incomingRequest.ts`). */
  readonly unreadable?: string;
  /**
   * Calls `act` when the client leaves before it has the whole answer; absent where nothing tells
   * (`library/invocationPairs.ts`).
   */
  readonly onLeave?: (act: () => void) => void;
}

export interface HttpDeps extends AdmissionDeps {
  readonly newId: IdSource;
  readonly clock: Clock;
  readonly seal: Seal;
  /** What a token of the gateway's own must be for, where the route names no resource of its own. */
  readonly resource: string;
  /** A request for any other host is rejected. */
  readonly ownHosts: OwnHosts;
  /** Receives answers that took long, with the times of their stages; not answers that the caller asked to wait for. */
  readonly recordSlow?: (route: string, durationMs: number, trace: Trace, stages: string) => void;
}

/** The actor of an anonymous route: no tenant, no roles. */
const nobody: Actor = { tenantId: '', userId: '', kind: 'app', clientId: '', roles: [], expiresAt: 0 };

export type HttpFunction = (request: IncomingRequest) => Promise<Response>;

/** Wraps a route in a function that always answers: on Azure an unanswered request hangs for minutes. */
export function serve<Body>(route: Route<Body>, deps: HttpDeps): HttpFunction {
  const isOpen = route.permission === 'anonymous' || route.pages === 'every';
  const allowedOrigins = isOpen ? 'any' : deps.allowedOrigins;
  const answerHeaders = Object.entries(route.answerHeaders ?? {});
  const own: HttpDeps = { ...deps, allowedOrigins };
  const readTarget = createTargetReader(route.hosts ?? deps.ownHosts);
  return recorded(route.name, deps, async (request, trace) => {
    const target = readTarget(request.url);
    const response = target.ok
      ? await answerInTime(route, request, target.value, trace, own)
      : refuse(route, target.error);
    for (const [name, value] of answerHeaders) response.headers.set(name, value);
    if (!target.ok) return response;
    return route.pages === 'every'
      ? letEveryPageRead(response)
      : letPagesRead(response, request.headers.get('origin'), allowedOrigins);
  });
}

/** Adds the request's ids to every answer of a function, and logs one line about it. */
export function recorded(
  name: string,
  deps: Pick<HttpDeps, 'newId' | 'log' | 'recordSlow'>,
  act: (request: IncomingRequest, trace: Trace) => Response | Promise<Response>,
): HttpFunction {
  return async (request) => {
    const startedAt = performance.now();
    const trace = continueTrace(request.headers.get('traceparent'));
    const requestId = deps.newId();
    const { unreadable } = request;
    const response =
      unreadable === undefined
        ? await act(request, trace)
        : toResponse(problemAnswer({ kind: 'bad_request', message: unreadable }));
    const durationMs = Math.round(performance.now() - startedAt);
    if (durationMs > SLOW_MS && !/[?&]wait=/.test(request.url))
      deps.recordSlow?.(name, durationMs, trace, response.headers.get(SERVER_TIMING) ?? '');
    response.headers.set('x-request-id', requestId);
    response.headers.set('traceparent', traceparentOf(trace));
    deps.log.info('request_handled', {
      requestId,
      traceId: trace.traceId,
      route: name,
      status: response.status,
      durationMs,
    });
    return response;
  };
}

/**
 * Returns the answer; a 504 after the deadline, a 500 or 503 if the handler throws. Nobody gets the answer when the client has
 * left, so a handler that stops then has no fault.
 */
function answerInTime<Body>(
  route: Route<Body>,
  request: IncomingRequest,
  url: URL,
  trace: Trace,
  deps: HttpDeps,
): Promise<Response> {
  const abort = new AbortController();
  request.onLeave?.(() => {
    abort.abort();
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(refuse(route, tooLate));
      abort.abort();
    }, route.deadlineMs ?? DEFAULT_DEADLINE_MS);
    const end = (response: Response) => {
      clearTimeout(timer);
      resolve(response);
    };
    answer(route, request, url, trace, abort.signal, deps).then(end, (error: unknown) => {
      if (!abort.signal.aborted)
        deps.log.error('request_failed', { route: route.name, traceId: trace.traceId }, error);
      end(refuse(route, faultError(error)));
    });
  });
}

const tooLate: DomainError = {
  kind: 'timeout',
  message: 'the request took too long; it may still be carried out',
};

async function answer<Body>(
  route: Route<Body>,
  request: IncomingRequest,
  url: URL,
  trace: Trace,
  signal: AbortSignal,
  deps: HttpDeps,
): Promise<Response> {
  const beganAt = performance.now();
  const params = pathParameters(route.path, url.pathname);
  // A path that can name nothing has neither a resource nor metadata of its own.
  const isName = canName(route.path, params);
  const { address } = request;
  if (route.permission === 'anonymous' && route.isLimited) {
    const limited = deps.limits.takeOfAddress(address);
    if (limited) return refuse(route, limitedError(limited, { address, trace }, deps));
  }
  let actor = nobody;
  if (route.permission !== 'anonymous') {
    const { searchParams } = url;
    const admission = await admit(request.headers, searchParams, route.permission, trace, deps, {
      resource: (isName ? route.resource?.(params, searchParams) : undefined) ?? deps.resource,
      challenge: () => (isName ? route.challenge?.(params, searchParams) : undefined),
      address,
      isOwnCheck: () => isOwnCheck({ method: request.method, url: url.href, headers: request.headers }, deps),
    });
    if ('error' in admission) return refuse(route, admission.error, admission.headers);
    actor = admission.actor;
  }
  const admittedAt = performance.now();
  if (!isName) return refuse(route, noSuchName.error);
  const { query = [] } = route;
  const mistaken = query === 'any' ? undefined : queryFailure(url.searchParams, query);
  if (mistaken) return refuse(route, mistaken.error);
  const body = await readBody(route, request);
  if (!body.ok) return refuse(route, body.error);
  const readAt = performance.now();
  const result = await route.handle({
    actor,
    params,
    query: url.searchParams,
    body: body.value,
    headers: request.headers,
    trace,
    address,
    signal,
  });
  const response = responseOf(route, result);
  // Only authenticated callers see the times of the stages.
  if (actor !== nobody) {
    const before = `${stage('admission', admittedAt - beganAt)}, ${stage('body', readAt - admittedAt)}`;
    response.headers.append(SERVER_TIMING, `${before}, ${stage('handling', performance.now() - readAt)}`);
  }
  return response;
}

async function readBody<Body>(
  { body: schema, bodyWhenAbsent, parseBody, parseBytes }: Route<Body>,
  request: IncomingRequest,
): Promise<Result<Body>> {
  // Only routes without a schema have `undefined` for a body.
  if (!schema) return succeed(undefined as Body);
  const json = await (parseBytes
    ? readBodyOf(request, parseBytes)
    : readJson(request, bodyWhenAbsent, parseBody));
  if (!json.ok) return json;
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return succeed(parsed.data);
  return invalidBySchema(parsed.error, 'the body');
}
