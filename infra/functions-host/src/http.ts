import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { READABLE_HEAD_BYTES, refusedByFront } from './frontRules.ts';
import { answerWhole } from './httpBuffered.ts';
import { describeCall, headersOf, type HttpCall } from './httpCall.ts';
import { answerStreamed } from './httpStreamed.ts';
import type { Invoker } from './invocation.ts';
import type { StreamServing } from './libraryServer.ts';
import { type Log, stackOf } from './log.ts';
import { BodyTooLarge } from './requestBody.ts';
import { decodePath, encodePath } from './requestTarget.ts';
import type { HttpFunction } from './routes.ts';

export interface HttpFront {
  /** In the order in which they are tried. */
  readonly functions: readonly HttpFunction[];
  readonly invoker: Invoker;
  /** Undefined when the app does not use HTTP streaming: then requests and answers are buffered. */
  readonly streaming: StreamServing | undefined;
  /** The key of functions whose `authLevel` is not `anonymous`. Without a key nobody can call them. */
  readonly functionKey: string | undefined;
  readonly log: Log;
}

/** How long Kestrel keeps an idle connection. */
const KEEP_ALIVE_MS = 130_000;

export interface HttpServer {
  readonly port: number;
  /** Accepts no more connections. Resolves when all running calls are answered. */
  close(): Promise<void>;
  /** Closes the connections of calls that are still running. */
  cut(): void;
}

/** Opens the port. Every call gets an answer. Where Azure would leave it unanswered, it is a 500 and a log line. */
export async function listen(front: HttpFront, port: number): Promise<HttpServer> {
  const server = http.createServer({
    maxHeaderSize: READABLE_HEAD_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    insecureHTTPParser: true,
    requireHostHeader: false,
  });
  // Not a set, for the reason that `invocation.ts` gives.
  const underWay: ServerResponse[] = [];
  const take: RequestListener = (request, response) => {
    underWay.push(response);
    response.once('close', () => {
      underWay.splice(underWay.indexOf(response), 1);
      if (!server.listening) server.closeIdleConnections();
    });
    void answer(front, request, response);
  };
  server.on('request', take);
  // Kestrel ignores unknown values of `Expect`.
  server.on('checkExpectation', take);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // `Connection: close` keeps the client from sending its next call on a connection that is about to close.
      for (const response of underWay) response.shouldKeepAlive = false;
      await closed;
    },
    cut: () => {
      server.closeAllConnections();
    },
  };
}

async function answer(front: HttpFront, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // The getter `request.headers` would make a second object of them.
  const headers = headersOf(request);
  const { host } = headers;
  const refusal = refusedByFront(request, host);
  if (refusal !== undefined) {
    response.shouldKeepAlive = false;
    sendEmpty(response, refusal);
    return;
  }
  const { 1: rawPath = '', 2: search = '' } = TARGET.exec(request.url ?? '') ?? [];
  const path = decodePath(rawPath);
  const ownStatus = statusOfOwnPath(path);
  if (ownStatus !== undefined) {
    sendEmpty(response, ownStatus);
    return;
  }
  if (request.httpVersion === '1.0' || host === '') {
    sendEmpty(response, 500);
    return;
  }
  const method = request.method?.toUpperCase() ?? '';
  const found = findFunction(front.functions, method, path);
  if (!found) {
    sendEmpty(response, 404);
    return;
  }
  const call: HttpCall = {
    ...found,
    request,
    response,
    method,
    url: `${encodePath(path)}${search}`,
    query: new URLSearchParams(search),
    headers,
    traceParent: headers['traceparent']?.split(',', 1)[0],
  };
  if (mayCall(call, front.functionKey)) await run(front, call);
  else sendEmpty(response, 401);
}

/** Matches path and query of a request's target, also in absolute form. */
const TARGET = /^(?:https?:\/\/[^/?#]*)?([^?]*)(.*)$/is;

/** Returns the status of the host's own paths, or `undefined` for others. Most need keys that this host does not have. */
function statusOfOwnPath(path: string): 200 | 401 | 404 | undefined {
  if (/^\/admin\/host\/ping\/?$/i.test(path)) return 200;
  if (/^\/(?:admin(?:\/|$)|runtime\/webhooks\/[^/])/i.test(path)) return 401;
  return path.startsWith('//') ? 404 : undefined;
}

async function run({ streaming, invoker, log }: HttpFront, call: HttpCall): Promise<void> {
  try {
    const problem = streaming && (await answerStreamed(call, invoker, streaming));
    if (!streaming) await answerWhole(call, invoker);
    if (problem === undefined) return;
    log('critical', `${describeCall(call)} ${problem}`);
  } catch (error) {
    if (error instanceof BodyTooLarge) call.response.shouldKeepAlive = false;
    else log('error', `${describeCall(call)} failed: ${stackOf(error)}`);
  }
  sendEmpty(call.response, 500);
}

function findFunction(
  functions: readonly HttpFunction[],
  method: string,
  path: string,
): Pick<HttpCall, 'target' | 'routeValues'> | undefined {
  for (const target of functions) {
    const routeValues = target.methods.includes(method) ? target.match(path) : undefined;
    if (routeValues) return { target, routeValues };
  }
  return undefined;
}

function mayCall({ target, headers, query }: HttpCall, functionKey: string | undefined): boolean {
  if (target.authLevel.toLowerCase() === 'anonymous') return true;
  const given = headers['x-functions-key'] ?? query.get('code');
  return functionKey !== undefined && given === functionKey;
}

/** Ends a response without a body. Closes the connection when the head has been sent already. */
function sendEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(status, { 'content-length': 0 }).end();
}
