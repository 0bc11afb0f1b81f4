import type { IncomingMessage } from 'node:http';
import { callerAddress, UnreadableRequest } from './clientHeaders.ts';
import type { ForwardedRequest } from './invocationPairs.ts';

/** The part of a forwarded request from which the library creates a function's request, without its body. */
type Head = Pick<IncomingMessage, 'headers' | 'method' | 'rawHeaders' | 'url'>;

/**
 * Returns the function's request that `create` makes of a forwarded request, with `onLeave` and `address`. When `create` throws, returns an
 * empty request with the reason in `unreadable`: an invocation that fails here is never answered, and at its timeout the host
 * ends the process.
 */
export function readableRequest<Request extends object>(
  forwarded: ForwardedRequest,
  create: (head: Head) => Request,
): Request &
  Partial<Pick<ForwardedRequest, 'onLeave'>> & {
    readonly address?: string | undefined;
    readonly unreadable?: string;
  } {
  try {
    return Object.assign(create(forwarded), {
      onLeave: forwarded.onLeave,
      address: callerAddress(forwarded.headers['x-forwarded-for']),
    });
  } catch (error) {
    // The next request comes on the same connection, so the body must be read.
    forwarded.resume();
    const unreadable =
      error instanceof UnreadableRequest
        ? error.message
        : 'the request is malformed: check its Host header and its target';
    return Object.assign(create(emptyHead), { unreadable });
  }
}

const emptyHead: Head = {
  headers: { 'x-forwarded-host': 'unreadable.invalid', 'x-forwarded-proto': 'http' },
  method: 'GET',
  rawHeaders: [],
  url: '/',
};
