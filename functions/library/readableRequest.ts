import type { IncomingMessage } from 'node:http';
import { UnreadableRequest } from './clientHeaders.ts';

/** The part of a forwarded request that the library makes a function's request of, when that has no body. */
type Head = Pick<IncomingMessage, 'headers' | 'method' | 'rawHeaders' | 'url'>;

/**
 * Returns what `create` makes of a forwarded request. Where it cannot make anything, the function is given an empty
 * request with the reason in `unreadable`: an invocation that fails here is never answered, and in the end costs the
 * process.
 */
export function readableRequest<Request extends object>(
  forwarded: IncomingMessage,
  create: (head: Head) => Request,
): Request & { readonly unreadable?: string } {
  try {
    return create(forwarded);
  } catch (error) {
    // Nobody else reads its body, and the next request comes on the same connection.
    forwarded.resume();
    const unreadable =
      error instanceof UnreadableRequest
        ? error.message
        : 'the request is malformed: see that its Host header and its target are valid';
    return Object.assign(create(emptyHead), { unreadable });
  }
}

const emptyHead: Head = {
  headers: { 'x-forwarded-host': 'unreadable.invalid', 'x-forwarded-proto': 'http' },
  method: 'GET',
  rawHeaders: [],
  url: '/',
};
