import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerWhole } from './httpBuffered.ts';
import { describeCall, headersOf, type HttpCall } from './httpCall.ts';
import { answerStreamed } from './httpStreamed.ts';
import type { Invoker } from './invocation.ts';
import type { StreamServing } from './libraryServer.ts';
import { stackOf, type Log } from './log.ts';
import { BodyTooLarge } from './requestBody.ts';
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

/** Kestrel's limit for all headers of a request, and how long it keeps an idle connection. */
const MAX_HEADER_BYTES = 32 * 1024;
const KEEP_ALIVE_MS = 130_000;

export interface HttpServer {
  readonly port: number;
  /** Refuses new connections; resolves when the calls that are under way have had their answers. */
  close(): Promise<void>;
  /** Cuts off the calls that have not. */
  cut(): void;
}

/** Opens the port. Every call is answered, also where Azure would leave it hanging: then with a 500 and a loud line. */
export async function listen(front: HttpFront, port: number): Promise<HttpServer> {
  const server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS });
  // No set, for the reason given in `invocation.ts`.
  const underWay: ServerResponse[] = [];
  server.on('request', (request, response) => {
    underWay.push(response);
    response.once('close', () => {
      underWay.splice(underWay.indexOf(response), 1);
      if (!server.listening) server.closeIdleConnections();
    });
    void answer(front, request, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Told to close, a client does not try its next call on a connection that will be gone.
      for (const response of underWay) response.shouldKeepAlive = false;
      await closed;
    },
    cut: () => {
      server.closeAllConnections();
    },
  };
}

async function answer(front: HttpFront, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { 1: rawPath = '', 2: search = '' } = /^([^?]*)(.*)$/s.exec(request.url ?? '') ?? [];
  const path = decodePath(rawPath);
  if (/^\/admin(\/|$)/i.test(path)) {
    // The rest of the host's own API asks for a master key, and this host has none.
    sendEmpty(response, /^\/admin\/host\/ping\/?$/i.test(path) ? 200 : 401);
    return;
  }
  const method = request.method?.toUpperCase() ?? '';
  const found = findFunction(front.functions, method, path);
  if (!found) {
    sendEmpty(response, 404);
    return;
  }
  const headers = headersOf(request);
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

function mayCall({ target, request, query }: HttpCall, functionKey: string | undefined): boolean {
  if (target.authLevel.toLowerCase() === 'anonymous') return true;
  const given = request.headers['x-functions-key'] ?? query.get('code');
  return functionKey !== undefined && given === functionKey;
}

/** Ends a response with no body, or cuts it off where its head has left already. */
function sendEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(status, { 'content-length': 0 }).end();
}
