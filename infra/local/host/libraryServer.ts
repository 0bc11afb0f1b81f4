import { EventEmitter } from 'node:events';
import http from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
import { pipeline, type Readable } from 'node:stream';

/** How a streamed request reaches the library's own HTTP server: handed over in the process, or by a hop over TCP. */
export type Serving = 'direct' | 'proxy';

export interface ForwardedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** One request in the hands of the library, which pairs it with its invocation by the header `x-ms-invocation-id`. */
export interface Forwarding {
  /** Whether the library has written its whole answer. */
  answered(): boolean;
  /** Takes the request back from a library that will never answer it. */
  abandon(): void;
}

export interface StreamServing {
  forward(invocationId: string, request: ForwardedRequest, response: ServerResponse): Forwarding;
  close(): void;
}

export const INVOCATION_ID_HEADER = 'x-ms-invocation-id';

/**
 * Runs `step`, and returns the HTTP server that was created meanwhile: the one of the library, which hides it. The
 * server listens on loopback only, where the library would take every interface. The library may have been bundled as an ES
 * module, to which a builtin's change has to be told.
 */
export async function captureServer(step: () => Promise<unknown>): Promise<Server | undefined> {
  const createServer = http.createServer;
  let server: Server | undefined;
  Reflect.set(http, 'createServer', () => {
    const created = createServer();
    const listen = created.listen.bind(created);
    server = Object.assign(created, { listen: (listening: () => void) => listen(0, '127.0.0.1', listening) });
    return server;
  });
  syncBuiltinESMExports();
  try {
    await step();
  } finally {
    Reflect.set(http, 'createServer', createServer);
    syncBuiltinESMExports();
  }
  return server;
}

/** Hands each request to the library's server object as if it had come over the wire. The server's socket is closed. */
export function serveDirect(library: Server): StreamServing {
  library.close();
  return {
    forward(_, request, response) {
      const { method, url, headers, body } = request;
      library.emit('request', Object.assign(body, { method, url, headers }), response);
      return { answered: () => response.writableEnded, abandon: () => undefined };
    },
    close: () => undefined,
  };
}

/** Forwards each request over TCP, as Azure's host does: slower, and nothing is shared with the library but bytes. */
export function serveByProxy(library: Server): StreamServing {
  const agent = new http.Agent({ keepAlive: true });
  const { port } = library.address() as AddressInfo;
  const arrivals = new EventEmitter();
  library.on('request', (request, answer) => {
    arrivals.emit(String(request.headers[INVOCATION_ID_HEADER]), answer);
  });

  return {
    forward(invocationId, { method, url, headers, body }, response) {
      let answer: ServerResponse | undefined;
      arrivals.once(invocationId, (arrived: ServerResponse) => (answer = arrived));
      const options = { agent, host: '127.0.0.1', port, method, path: url, headers: endToEnd(headers) };
      const hop = http.request(options, (received) => {
        const { 'transfer-encoding': _, ...kept } = endToEnd(received.headers);
        if (response.destroyed) {
          // The client has left. The library is to notice nothing, so its answer goes on into the void.
          received.resume();
          return;
        }
        response.writeHead(received.statusCode ?? 500, kept);
        pipeline(received, response, ignore);
      });
      pipeline(body, hop, ignore);
      return { answered: () => answer?.writableEnded ?? false, abandon: () => hop.destroy() };
    },
    close() {
      agent.destroy();
      library.close();
      library.closeAllConnections();
    },
  };
}

/** What goes wrong on the way shows in the invocation, which then ends without an answer. */
function ignore(): void {}

/** Node sets these anew on either side of the hop. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'expect', 'date']);

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
