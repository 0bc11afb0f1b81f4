import { MAX_HEADER_BYTES } from '../limits.ts';

/** A request that no function can receive. The message is for the caller. */
export class UnreadableRequest extends Error {
  override readonly name = 'UnreadableRequest';
}

/** Headers that the Functions host writes for its own connection to this process. */
const HOP_HEADERS = new Set([
  'connection',
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-ms-invocation-id',
]);

/**
 * Returns the headers that the client sent, as they came over the connection. `host` is the host that the client named.
 * @throws UnreadableRequest for more than 16 KiB, for bytes in a value that are not visible ASCII, space or tab, and
 * for an expectation other than `100-continue`.
 */
export function clientHeaders(rawHeaders: readonly string[], host: string): Headers {
  // The library's request copies a `Headers` in a third of the time of any other form.
  const headers = new Headers({ host });
  let bytes = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (HOP_HEADERS.has(name)) continue;
    const value = rawHeaders[at + 1] ?? '';
    bytes += name.length + value.length;
    if (NOT_TEXT.test(value))
      throw new UnreadableRequest(`the header ${name} has a byte that is not ASCII text`);
    if (name === 'expect' && value.toLowerCase() !== '100-continue')
      throw new UnreadableRequest('the header expect may only be 100-continue');
    headers.append(name, value);
  }
  if (bytes > MAX_HEADER_BYTES)
    throw new UnreadableRequest(`the headers are longer than ${MAX_HEADER_BYTES} bytes in all`);
  return headers;
}

const NOT_TEXT = /[^\t\x20-\x7e]/;

/**
 * Returns where a request comes from, by the last entry of its `X-Forwarded-For`, or `undefined` without one. The Functions host
 * writes this header itself, with the address that Azure's front end saw. A client cannot write the last entry.
 */
export function callerAddress(forwardedFor: string | readonly string[] | undefined): string | undefined {
  const list = String(forwardedFor ?? '');
  const last = list.slice(list.lastIndexOf(',') + 1).trim();
  return last === '' ? undefined : last;
}
