import type { IncomingRequest } from '../serve.ts';
import { callerAddress, clientHeaders, UnreadableRequest } from './clientHeaders.ts';
import type { ForwardedRequest } from './invocationPairs.ts';

/**
 * Returns the request that a function receives, in the place of the library's own: a Fetch `Request` copies the headers and wraps
 * the body in a web stream, which costs more than the rest of a request. Never throws, because an invocation that fails here is
 * never answered, and at its timeout the host ends the process: a request that cannot be read has the reason in `unreadable`.
 */
export function incomingRequest(forwarded: ForwardedRequest): IncomingRequest {
  const { method = '', url = '', headers, rawHeaders, onLeave } = forwarded;
  const host = String(headers['x-forwarded-host']);
  try {
    return {
      method,
      url: `${String(headers['x-forwarded-proto'])}://${host}${url}`,
      headers: clientHeaders(rawHeaders, host),
      body: method === 'GET' || method === 'HEAD' ? null : bodyOf(forwarded),
      address: callerAddress(headers['x-forwarded-for']),
      onLeave,
    };
  } catch (error) {
    // The next request comes on the same connection, so the body must be read.
    forwarded.resume();
    const unreadable =
      error instanceof UnreadableRequest ? error.message : 'the request is malformed: check its headers';
    return { method, url: '', headers: new Headers(), body: null, unreadable };
  }
}

/**
 * Returns the chunks of a body. `return` closes the connection at once, also while a chunk is awaited. The stream's own iterator
 * would cost more than the rest of a short request.
 */
function bodyOf(request: ForwardedRequest): AsyncIterable<Uint8Array, undefined> {
  const read = (): IteratorResult<Uint8Array, undefined> | undefined => {
    const value = request.read() as Buffer | null;
    if (value) return { done: false, value };
    return request.complete || request.readableEnded ? END : undefined;
  };
  const wait = (): Promise<IteratorResult<Uint8Array, undefined>> =>
    new Promise((resolve, reject) => {
      const settle = () => {
        const next = read();
        if (!next && !request.destroyed) return;
        request.off('readable', settle).off('close', settle);
        if (next) resolve(next);
        else reject(request.errored ?? new Error('the connection closed before the end of the body'));
      };
      request.on('readable', settle).on('close', settle);
      if (request.destroyed) settle();
    });
  const chunks: AsyncIterator<Uint8Array, undefined> = {
    next() {
      const next = read();
      return next ? Promise.resolve(next) : wait();
    },
    return() {
      request.destroy();
      return Promise.resolve(END);
    },
  };
  return { [Symbol.asyncIterator]: () => chunks };
}

const END = { done: true, value: undefined } as const;
