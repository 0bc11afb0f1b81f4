import { EventEmitter } from 'node:events';
import http from 'node:http';
import type {
  ClientRequest,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  RequestListener,
  RequestOptions,
  Server,
  ServerOptions,
  ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
import { pipeline, type Readable } from 'node:stream';

/** How a streamed request reaches the library's own HTTP server: handed over in the process, or by a hop over TCP. */
export type Serving = 'direct' | 'proxy';

export interface ForwardedRequest {
  readonly method: string;
  readonly url: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** One request in the hands of the library, which pairs it with its invocation by the header `x-ms-invocation-id`. */
export interface Forwarding {
  /** Whether the library has written its whole answer, and the client gets it. */
  answered(): boolean | Promise<boolean>;
  /** Takes the request back from a library that will never answer it. */
  abandon(): void;
}

export interface StreamServing {
  forward(request: ForwardedRequest, response: ServerResponse): Forwarding;
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
  Reflect.set(http, 'createServer', (options: ServerOptions = {}) => {
    const created = createServer(options);
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
    forward({ method, url, headers, body }, response) {
      const rawHeaders: string[] = [];
      for (const name in headers) rawHeaders.push(name, headers[name] ?? '');
      library.emit('request', Object.assign(body, { method, url, headers, rawHeaders }), response);
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
  const arrive: RequestListener = (request, answer) => {
    arrivals.emit(String(request.headers[INVOCATION_ID_HEADER]), answer);
  };
  library.on('request', arrive);
  // Without a listener Node answers 417 by itself, and this one must not be the first.
  if (library.listenerCount('checkExpectation') > 0) library.on('checkExpectation', arrive);

  return {
    forward({ method, url, headers, body }, response) {
      if (!isAscii(headers)) return NEVER_FORWARDED;
      let answer: ServerResponse | undefined;
      arrivals.once(headers[INVOCATION_ID_HEADER] ?? '', (arrived: ServerResponse) => (answer = arrived));
      const options = { agent, host: '127.0.0.1', port, method, path: url };
      const { promise: passedOn, resolve } = Promise.withResolvers<boolean>();
      const hop = requestWith(headers, options).once('response', (received) => {
        // What Node answers by itself is no answer: the host waits for that of the invocation.
        if (!answer) return;
        resolve(true);
        const { 'transfer-encoding': _, ...kept } = withoutHopByHop(received.headers);
        response.writeHead(received.statusCode ?? 500, kept);
        pipeline(received, response, ignore);
      });
      pipeline(body, hop, ignore);
      hop.once('close', () => {
        resolve(response.headersSent);
      });
      response.once('close', () => {
        resolve(true);
        if (!response.writableFinished) hop.destroy();
      });
      return {
        answered: () => (answer?.writableEnded ? passedOn : false),
        abandon: () => hop.destroy(),
      };
    },
    close() {
      agent.destroy();
      library.close();
      library.closeAllConnections();
    },
  };
}

/** .NET's client writes headers in ASCII only, and the host tries a few times in vain. */
const NEVER_FORWARDED: Forwarding = { answered: () => false, abandon: () => undefined };

const isAscii = (headers: ForwardedRequest['headers']): boolean =>
  Object.values(headers).every((value) => !/\P{ASCII}/u.test(value));

/** Every control character but the tab. */
const CONTROL = /(?!\t)\p{Cc}/u;

/** .NET's client writes control characters too. Node's does not, so each is put into the head once that is made. */
function requestWith(headers: ForwardedRequest['headers'], options: RequestOptions): ClientRequest {
  if (!Object.values(headers).some((value) => CONTROL.test(value)))
    return http.request({ ...options, headers });
  const shift = (text: string, pattern: RegExp, by: number) =>
    text.replaceAll(new RegExp(pattern, 'gu'), (found) => String.fromCharCode(found.charCodeAt(0) + by));
  const shifted = Object.entries(headers).map(([name, value]) => [name, shift(value, CONTROL, 0x80)]);
  const hop = http.request({ ...options, headers: Object.fromEntries(shifted) as OutgoingHttpHeaders });
  Reflect.apply(Reflect.get(hop, '_implicitHeader') as () => void, hop, []);
  Reflect.set(hop, '_header', shift(String(Reflect.get(hop, '_header')), /[\x80-\xff]/, -0x80));
  return hop;
}

/** What goes wrong on the way shows in the invocation, which then ends without an answer. */
function ignore(): void {}

/** Node sets these anew on either side of the hop. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'date']);

function withoutHopByHop(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
