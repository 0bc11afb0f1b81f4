import type { IncomingMessage } from 'node:http';
import { UnreadableRequest } from './clientHeaders.ts';

/** The parts of a forwarded request that the library reads when there is no body. */
type Head = Pick<IncomingMessage, 'headers' | 'method' | 'rawHeaders' | 'url'>;

/**
 * Returns what `create` makes of a forwarded request. Where `create` fails, the function gets an empty request with the
 * reason in `unreadable`: an invocation that failed here would never be answered, and the host would end the process.
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
