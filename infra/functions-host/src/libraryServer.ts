import { EventEmitter } from 'node:events';
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
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { pipeline, type Readable } from 'node:stream';

/** How a streamed request reaches the library's own HTTP server: inside the process, or over TCP. */
export type Serving = 'direct' | 'proxy';

export interface ForwardedRequest {
  readonly method: string;
  readonly url: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** A request that the library handles. The library pairs it with its invocation by the header `x-ms-invocation-id`. */
export interface Forwarding {
  /** Returns whether the library has written its whole answer and the client gets it. */
  answered(): boolean | Promise<boolean>;
  /** Ends a request that the library will never answer. */
  abandon(): void;
}

export interface StreamServing {
  forward(request: ForwardedRequest, response: ServerResponse): Forwarding;
  close(): void;
}

export const INVOCATION_ID_HEADER = 'x-ms-invocation-id';

/**
 * Runs `step`, and returns the HTTP server that was created meanwhile: the library's server, which the library does not
 * export. The server listens on loopback only. (Without this change it would listen on every interface.) A library that was
 * bundled as an ES module needs `syncBuiltinESMExports` to see the change.
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

/** Emits each request on the library's server object. The server's socket is closed. */
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

/** Forwards each request over TCP, as Azure's host does. It is slower, and shares only bytes with the library. */
export function serveByProxy(library: Server): StreamServing {
  const agent = new http.Agent({ keepAlive: true });
  const { port } = library.address() as AddressInfo;
  const arrivals = new EventEmitter();
  const arrive: RequestListener = (request, answer) => {
    arrivals.emit(String(request.headers[INVOCATION_ID_HEADER]), answer);
  };
  library.on('request', arrive);
  // Without a listener Node answers 417 itself, so this listener must not be the only one.
  if (library.listenerCount('checkExpectation') > 0) library.on('checkExpectation', arrive);

  return {
    forward({ method, url, headers, body }, response) {
      if (!isAscii(headers)) return NEVER_FORWARDED;
      let answer: ServerResponse | undefined;
      arrivals.once(headers[INVOCATION_ID_HEADER] ?? '', (arrived: ServerResponse) => (answer = arrived));
      const options = { agent, host: '127.0.0.1', port, method, path: url };
      const { promise: passedOn, resolve } = Promise.withResolvers<boolean>();
      const hop = requestWith(headers, options).once('response', (received) => {
        // An answer of Node itself does not count: the host waits for the answer of the invocation.
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

/** Azure's host cannot forward headers with other than ASCII characters. */
const NEVER_FORWARDED: Forwarding = { answered: () => false, abandon: () => undefined };

const isAscii = (headers: ForwardedRequest['headers']): boolean =>
  Object.values(headers).every((value) => !/\P{ASCII}/u.test(value));

/** Every control character but the tab. */
const CONTROL = /(?!\t)\p{Cc}/u;

/** .NET's client writes control characters, and Node's refuses them. So they are put into the head after it is made. */
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

/** An error of the hop ends the invocation without an answer, which is reported there. */
function ignore(): void {}

/** Node sets these headers on each side of the hop. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'date']);

function withoutHopByHop(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
