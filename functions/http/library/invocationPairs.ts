import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Pairs each invocation with the request that the Functions host forwards beside it, by the invocation's id. Either may
 * come first, and then waits for a bounded time: a half whose other half never comes would otherwise wait until
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
  requestOf(id: string): Promise<IncomingMessage>;
  /** Returns the response to the request of an invocation, once. @throws when there is none */
  takeResponse(id: string): ServerResponse;
}

/** A request waits for less than an invocation: the host asks for its answer when the invocation has failed. */
const REQUEST_WAITS_MS = 5_000;
const INVOCATION_WAITS_MS = 6_000;

interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Milliseconds of `performance.now`. */
  readonly until: number;
}

export function createInvocationPairs(): InvocationPairs {
  const arrivals = byId<Arrival>();
  const waiting = byId<(request: IncomingMessage) => void>();
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
        take(request);
        return;
      }
      arrivals[id] = { request, response, until: performance.now() + REQUEST_WAITS_MS };
      sweep ??= setTimeout(refuseOverdue, REQUEST_WAITS_MS);
    },
    requestOf(id) {
      const arrival = arrivals[id];
      if (arrival) {
        Reflect.deleteProperty(arrivals, id);
        responses[id] = arrival.response;
        return Promise.resolve(arrival.request);
      }
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          Reflect.deleteProperty(waiting, id);
          reject(new Error('the host has not forwarded the request of this invocation'));
        }, INVOCATION_WAITS_MS);
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
 * An object without a prototype, because a client may have chosen the id, such as `__proto__`. A `Map` is copied as it fills, and
 * each copy that has grown old keeps alive the requests in the next one (decision 15).
 */
const byId = <T>(): Record<string, T> => Object.create(null) as Record<string, T>;

function refuse(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(400, { 'content-length': 0 }).end();
}
