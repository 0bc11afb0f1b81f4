import type { IncomingMessage, ServerResponse } from 'node:http';
import { INVOCATION_WAIT_MS, REQUEST_WAIT_MS } from '../limits.ts';

/**
 * Pairs each invocation with the request that the Functions host forwards beside it, by the invocation's id. Either may
 * come first, and then waits for a bounded time. Without a bound, a half whose other half never comes would wait until
 * `functionTimeout`, when the host ends this process with all its calls.
 */
export interface InvocationPairs {
  /** Takes a forwarded request. One without an id, or with the id of another that waits, is answered 400 at once. */
  arrive(
    id: string | readonly string[] | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): void;
  /** Resolves with the request of an invocation; rejects when it does not come within 6 seconds. */
  requestOf(id: string): Promise<ForwardedRequest>;
  /** Returns the response to the request of an invocation, once. Throws for an unknown id. */
  takeResponse(id: string): ServerResponse;
}

/** A request that has its invocation. */
export type ForwardedRequest = IncomingMessage & {
  /** Calls `act` once when the connection closes before the whole answer is written: the client has left. */
  readonly onLeave: (act: () => void) => void;
};

interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Milliseconds of `performance.now`. */
  readonly until: number;
}

export function createInvocationPairs(): InvocationPairs {
  const arrivals = byId<Arrival>();
  const waiting = byId<(request: ForwardedRequest) => void>();
  const responses = byId<ServerResponse>();

  let sweep: NodeJS.Timeout | undefined;

  /** Refuses the requests that have waited too long. One timer serves all, since nearly no request waits. */
  const refuseOverdue = (): void => {
    const now = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, { request, response, until }] of Object.entries(arrivals)) {
      if (until > now) {
        nextMs = Math.min(nextMs, until - now);
        continue;
      }
      Reflect.deleteProperty(arrivals, id);
      refuse(request, response);
    }
    sweep = Number.isFinite(nextMs) ? setTimeout(refuseOverdue, nextMs) : undefined;
  };

  return {
    arrive(id, request, response) {
      if (typeof id !== 'string' || arrivals[id] !== undefined) {
        refuse(request, response);
        return;
      }
      const take = waiting[id];
      if (take) {
        responses[id] = response;
        take(watched(request, response));
        return;
      }
      arrivals[id] = { request, response, until: performance.now() + REQUEST_WAIT_MS };
      sweep ??= setTimeout(refuseOverdue, REQUEST_WAIT_MS);
    },
    requestOf(id) {
      const arrival = arrivals[id];
      if (arrival) {
        Reflect.deleteProperty(arrivals, id);
        responses[id] = arrival.response;
        return Promise.resolve(watched(arrival.request, arrival.response));
      }
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          Reflect.deleteProperty(waiting, id);
          reject(new Error('the host has not forwarded the request of this invocation'));
        }, INVOCATION_WAIT_MS);
        waiting[id] = (request) => {
          clearTimeout(timer);
          Reflect.deleteProperty(waiting, id);
          resolve(request);
        };
      });
    },
    takeResponse(id) {
      const response = responses[id];
      if (!response) throw new Error('no request of this invocation is waiting for an answer');
      Reflect.deleteProperty(responses, id);
      return response;
    },
  };
}

/**
 * Adds `onLeave` to a request. The response tells: a request closes as soon as its body has been read, and the host closes the
 * connection of a request whose client has left.
 */
function watched(request: IncomingMessage, response: ServerResponse): ForwardedRequest {
  const onLeave = (act: () => void): void => {
    if (response.destroyed) act();
    else
      response.on('close', () => {
        if (!response.writableFinished) act();
      });
  };
  return Object.assign(request, { onLeave });
}

/**
 * An object without a prototype, because a client may have chosen the id, such as `__proto__`. A `Map` is copied as it fills, and
 * each old copy keeps the requests of the next one alive (decision 15).
 */
const byId = <T>(): Record<string, T> => Object.create(null) as Record<string, T>;

function refuse(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(400, { 'content-length': 0 }).end();
}
