import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpFunction } from './routes.ts';

/** A request that matches a function. */
export interface HttpCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: HttpFunction;
  readonly method: string;
  /** Path and query as Azure's front encodes them. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly routeValues: Readonly<Record<string, string>>;
  readonly traceParent: string | undefined;
}

export function describeCall({ method, url, target }: HttpCall): string {
  return `${method} ${url.replace(/\?.*/s, '')} (function ${target.name})`;
}

/** Returns the host name that the client has sent. Azure builds `request.url` from it, without a check. */
export function originOf({ headers }: HttpCall): string {
  return `http://${headers['host'] ?? ''}`;
}

/**
 * Returns the headers as Kestrel reads them, values in UTF-8. Repeated headers are joined by `separator`, and cookies by `; ` as
 * .NET does.
 */
export function headersOf({ rawHeaders }: IncomingMessage, separator = ','): Record<string, string> {
  // A client can send any name, for example `constructor`.
  const headers = Object.create(null) as Record<string, string>;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    const value = inUtf8(rawHeaders[at + 1] ?? '');
    const before = headers[name];
    const between = name === 'cookie' ? '; ' : separator;
    headers[name] = before === undefined ? value : `${before}${between}${value}`;
  }
  return headers;
}

/** Node decodes each byte of a header value as one character. */
const inUtf8 = (value: string): string =>
  /[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
