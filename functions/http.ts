import type { ReadableStream } from 'node:stream/web';
import type { z } from 'zod';
import type { Permission } from '../shared/identity/permissions.ts';
import type { Principal } from '../shared/identity/principal.ts';
import { type DomainError, InfrastructureError } from '../shared/platform/errors.ts';
import type { IdSource } from '../shared/platform/ids.ts';
import { invalidBySchema } from '../shared/platform/invalid.ts';
import { toProblem } from '../shared/platform/problem.ts';
import { type Result, succeed } from '../shared/platform/result.ts';
import { SERVER_TIMING, stage } from '../shared/platform/serverTiming.ts';
import { TextResponse } from '../shared/platform/textResponse.ts';
import { type Trace, continueTrace, traceparentOf } from '../shared/platform/trace.ts';
import { type AdmissionDeps, admit } from './admit.ts';
import { letEveryPageRead, letPagesRead } from './cors.ts';
import { pathParameters } from './paths.ts';
import { readJson } from './requestBody.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a handler is given. Nothing in it comes from where the host may have mixed path, query and body. */
export interface Call<Body> {
  readonly principal: Principal;
  /** The route template's parameters, decoded, from the path alone. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Body;
  readonly headers: Headers;
  readonly trace: Trace;
  /** Aborted when the answer would come too late. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One HTTP function: where it is, who may call it, what it takes and how it answers. */
export interface Route<Body = undefined> {
  /** Name of the function. The host matches routes in the alphabetical order of these. */
  readonly name: string;
  readonly method: Method;
  /** A template such as `servers/{slug}`. */
  readonly path: string;
  /** Anonymous routes are handled without a look at the token, on behalf of `nobody`. */
  readonly permission: Permission | 'anonymous';
  /** Pages of every origin may call. For reads alone: what a page gets is what its own token, or the URL, gives it. */
  readonly pages?: 'every';
  /** Absent: the body is not read. */
  readonly body?: z.ZodType<Body>;
  /** The body of a request without one. Absent: there must be one. */
  readonly bodyWhenAbsent?: Body;
  readonly deadlineMs?: number;
  /** Where whoever is turned away reads about the resource at this path; what the app says of itself when absent. */
  readonly resourceMetadata?: (params: Call<Body>['params']) => string;
  handle(call: Call<Body>): Promise<Result<Answer> | Response>;
  /** How the route words an error; a problem document (RFC 9457) when absent. */
  readonly wordError?: (error: DomainError) => Answer;
}

/** What is read of a request; a Functions `HttpRequest` and a Fetch `Request` both have it. */
export interface IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

export interface HttpDeps extends AdmissionDeps {
  readonly newId: IdSource;
  /** Told of answers that took long, with what they say of their stages; not of those that the caller asked to wait for. */
  readonly recordSlow?: (route: string, durationMs: number, trace: Trace, stages: string) => void;
}

/** Long enough for `?wait=30`, well under what the host and Azure's front end allow. */
const DEFAULT_DEADLINE_MS = 40_000;

/** Who calls an anonymous route: no tenant, no roles. */
const nobody: Principal = { tenantId: '', userId: '', kind: 'app', clientId: '', roles: [], expiresAt: 0 };

/** An answer that takes longer is slow, whatever it does. */
const SLOW_MS = 3_000;

export type HttpFunction = (request: IncomingRequest) => Promise<Response>;

/** Wraps a route into a function that always answers: on Azure an unanswered request hangs for minutes. */
export function serve<Body>(route: Route<Body>, deps: HttpDeps): HttpFunction {
  const isOpen = route.permission === 'anonymous' || route.pages === 'every';
  const allowedOrigins = isOpen ? 'any' : deps.allowedOrigins;
  const own: HttpDeps = { ...deps, allowedOrigins };
  return recorded(route.name, deps, async (request, trace) => {
    const response = await answerInTime(route, request, trace, own);
    return route.pages === 'every'
      ? letEveryPageRead(response)
      : letPagesRead(response, request.headers.get('origin'), allowedOrigins);
  });
}

/** Gives every answer of a function the ids to find it by, and the log a line about it. */
export function recorded(
  name: string,
  deps: Pick<HttpDeps, 'newId' | 'log' | 'recordSlow'>,
  act: (request: IncomingRequest, trace: Trace) => Response | Promise<Response>,
): HttpFunction {
  return async (request) => {
    const startedAt = performance.now();
    const trace = continueTrace(request.headers.get('traceparent'));
    const requestId = deps.newId();
    const response = await act(request, trace);
    const durationMs = Math.round(performance.now() - startedAt);
    if (durationMs > SLOW_MS && !new URL(request.url).searchParams.has('wait'))
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

/** The answer; a 504 when it does not come by the deadline, a 500 or 503 when the handler throws. */
async function answerInTime<Body>(
  route: Route<Body>,
  request: IncomingRequest,
  trace: Trace,
  deps: HttpDeps,
): Promise<Response> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Response>((done) => {
    timer = setTimeout(() => {
      done(
        refuse(route, { kind: 'timeout', message: 'the request took too long; it may still be carried out' }),
      );
      abort.abort();
    }, route.deadlineMs ?? DEFAULT_DEADLINE_MS);
  });
  try {
    return await Promise.race([answer(route, request, trace, abort.signal, deps), tooLate]);
  } catch (error) {
    deps.log.error('request_failed', { route: route.name, traceId: trace.traceId }, error);
    return refuse(route, faultError(error));
  } finally {
    clearTimeout(timer);
  }
}

async function answer<Body>(
  route: Route<Body>,
  request: IncomingRequest,
  trace: Trace,
  signal: AbortSignal,
  deps: HttpDeps,
): Promise<Response> {
  const beganAt = performance.now();
  const url = new URL(request.url);
  const params = pathParameters(route.path, url.pathname);
  let principal = nobody;
  if (route.permission !== 'anonymous') {
    const admission = await admit(request.headers, route.permission, trace, deps, () =>
      route.resourceMetadata?.(params),
    );
    if ('error' in admission) return refuse(route, admission.error, admission.headers);
    principal = admission.principal;
  }
  const admittedAt = performance.now();
  const body = await readBody(route, request);
  if (!body.ok) return refuse(route, body.error);
  const readAt = performance.now();
  const result = await route.handle({
    principal,
    params,
    query: url.searchParams,
    body: body.value,
    headers: request.headers,
    trace,
    signal,
  });
  const response = responseOf(route, result);
  // How the time was spent is for those who were let in.
  if (principal !== nobody) {
    const before = `${stage('admission', admittedAt - beganAt)}, ${stage('body', readAt - admittedAt)}`;
    response.headers.append(SERVER_TIMING, `${before}, ${stage('handling', performance.now() - readAt)}`);
  }
  return response;
}

function responseOf<Body>(route: Route<Body>, result: Result<Answer> | Response): Response {
  if (result instanceof Response) return result;
  return result.ok ? toResponse(result.value) : refuse(route, result.error);
}

async function readBody<Body>(
  { body: schema, bodyWhenAbsent }: Route<Body>,
  request: IncomingRequest,
): Promise<Result<Body>> {
  // Only routes without a schema have `undefined` for a body.
  if (!schema) return succeed(undefined as Body);
  const json = await readJson(request, bodyWhenAbsent);
  if (!json.ok) return json;
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return succeed(parsed.data);
  return invalidBySchema(parsed.error, 'the body');
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

function refuse<Body>(route: Route<Body>, error: DomainError, headers: Answer['headers'] = {}): Response {
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
