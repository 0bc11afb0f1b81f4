import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { httpTriggerMetadata } from './bindingData.ts';
import type { Invoker } from './invocation.ts';
import { FunctionTimeout } from './invocation.ts';
import { stackOf, type Log } from './log.ts';
import { sendHttpData, toHttpData } from './httpBuffered.ts';
import { INVOCATION_ID_HEADER, type StreamServing } from './httpStreaming.ts';
import { BodyTooLarge, limitedBody, readAnnouncedBody } from './requestBody.ts';
import { decodePath, encodePath } from './requestTarget.ts';
import type { HttpFunction } from './routes.ts';

export interface HttpFront {
  /** In the order in which they are tried. */
  readonly functions: readonly HttpFunction[];
  readonly invoker: Invoker;
  /** Undefined: the app has not turned streaming on, so requests and answers go whole. */
  readonly streaming: StreamServing | undefined;
  /** The key that functions of another `authLevel` than `anonymous` ask for; undefined closes them. */
  readonly functionKey: string | undefined;
  readonly log: Log;
}

/** A request that belongs to a function and may run it. */
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: HttpFunction;
  readonly path: string;
  readonly search: string;
  readonly routeValues: Readonly<Record<string, string>>;
}

/** Kestrel's limit for all headers of a request, and how long it keeps an idle connection. */
const MAX_HEADER_BYTES = 32 * 1024;
const KEEP_ALIVE_MS = 130_000;

/** Opens the port. Every request is answered, also where Azure would leave it hanging: then with a 500 and a loud line. */
export async function listen(front: HttpFront, port: number): Promise<Server> {
  const server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS });
  server.on('request', (request, response) => {
    // A server that has been closed still serves the connections it has, each for one more answer.
    if (!server.listening) response.shouldKeepAlive = false;
    response.once('close', () => {
      if (!server.listening) server.closeIdleConnections();
    });
    void answer(front, request, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function answer(front: HttpFront, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { 1: rawPath = '', 2: search = '' } = /^([^?]*)(.*)$/s.exec(request.url ?? '') ?? [];
  const path = decodePath(rawPath);
  if (/^\/admin(\/|$)/i.test(path)) {
    // The rest of the host's own API asks for a master key, and this host has none.
    sendEmpty(response, /^\/admin\/host\/ping\/?$/i.test(path) ? 200 : 401);
    return;
  }
  const call = findCall(front.functions, request, response, path, search);
  if (!call) {
    sendEmpty(response, 404);
    return;
  }
  if (!mayCall(call, front.functionKey)) {
    sendEmpty(response, 401);
    return;
  }
  try {
    await (front.streaming ? stream(front, front.streaming, call) : buffer(front, call));
  } catch (error) {
    if (!(error instanceof BodyTooLarge))
      front.log('error', `${describe(call)} failed in the host: ${stackOf(error)}`);
    sendEmpty(response, 500);
  }
}

function findCall(
  functions: readonly HttpFunction[],
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  search: string,
): Call | undefined {
  const method = request.method?.toUpperCase() ?? '';
  for (const target of functions) {
    const routeValues = target.methods.includes(method) ? target.match(path) : undefined;
    if (routeValues) return { request, response, target, path, search, routeValues };
  }
  return undefined;
}

function mayCall({ target, request, search }: Call, functionKey: string | undefined): boolean {
  if (target.authLevel.toLowerCase() === 'anonymous') return true;
  const given = request.headers['x-functions-key'] ?? new URLSearchParams(search).get('code');
  return functionKey !== undefined && given === functionKey;
}

async function buffer(front: HttpFront, call: Call): Promise<void> {
  const { request, response, target, routeValues } = call;
  const body = await readAnnouncedBody(request);
  const data = toHttpData({
    method: request.method ?? '',
    url: `http://${request.headers.host ?? ''}${encodePath(call.path)}${call.search}`,
    headers: headersOf(request),
    query: new URLSearchParams(call.search),
    routeValues,
    body,
  });
  try {
    const answer = await front.invoker.invoke(target, { ...triggerOf(call), data, metadata: {} });
    sendHttpData(response, answer);
  } catch (error) {
    front.log('error', `${describe(call)} failed: ${stackOf(error)}`);
    sendEmpty(response, 500);
  }
}

async function stream(front: HttpFront, streaming: StreamServing, call: Call): Promise<void> {
  const { request, response, target } = call;
  const chunked = request.headers['transfer-encoding'] !== undefined;
  const body = await readAnnouncedBody(request);
  const invocationId = randomUUID();
  const metadata = httpTriggerMetadata({
    routeValues: call.routeValues,
    query: new URLSearchParams(call.search),
    headers: headersOf(request),
    body,
  });
  const forwarded = {
    method: request.method ?? '',
    url: `${encodePath(call.path)}${call.search}`,
    headers: {
      ...request.headers,
      [INVOCATION_ID_HEADER]: invocationId,
      'x-forwarded-host': request.headers.host ?? '',
      'x-forwarded-proto': 'http',
    },
    body: chunked ? limitedBody(request) : Readable.from(body ? [body] : [], { objectMode: false }),
  };
  const forwarding = streaming.forward(invocationId, forwarded, response);
  const failure = await front.invoker
    .invoke(target, { ...triggerOf(call), invocationId, data: { http: {} }, metadata })
    .then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  if (forwarding.answered()) {
    if (failure) front.log('error', `${describe(call)} failed after its answer: ${stackOf(failure.error)}`);
    return;
  }
  forwarding.abandon();
  front.log('critical', `${describe(call)} ${unanswered(failure, response)}`);
  sendEmpty(response, 500);
}

function unanswered(failure: { readonly error: unknown } | undefined, response: ServerResponse): string {
  const remedy = response.headersSent ? 'The connection is cut here.' : 'It is answered with a 500 here.';
  const azure = `With HTTP streaming on, Azure would leave the client waiting for minutes. ${remedy}`;
  if (!failure) return `returned no response. ${azure}`;
  if (failure.error instanceof FunctionTimeout) {
    return `${failure.error.message}. Azure would replace the process and fail every call in it. ${remedy}`;
  }
  return `threw${response.headersSent ? ' in the middle of its answer' : ''}. ${azure}\n${stackOf(failure.error)}`;
}

function triggerOf({ target, request }: Call): { bindingName: string; traceParent: string | undefined } {
  return { bindingName: target.bindingName, traceParent: request.headersDistinct['traceparent']?.[0] };
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.join(',') ?? '']),
  );
}

/** Ends a response with no body, or cuts it off where its head has left already. */
function sendEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  // What is left of the request's body is not read, so the connection cannot be used again.
  if (!response.req.complete) response.shouldKeepAlive = false;
  response.writeHead(status, { 'content-length': 0 }).end();
}

function describe({ request, path, target }: Call): string {
  return `${request.method ?? ''} ${path} (function ${target.name})`;
}
