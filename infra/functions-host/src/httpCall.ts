import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpFunction } from './routes.ts';

/** A request that belongs to a function and may run it. */
export interface HttpCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: HttpFunction;
  readonly method: string;
  /** Path and query as Azure's front writes them again. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly routeValues: Readonly<Record<string, string>>;
  readonly traceParent: string | undefined;
}

export function describeCall({ method, url, target }: HttpCall): string {
  return `${method} ${url.replace(/\?.*/s, '')} (function ${target.name})`;
}

/** What the client calls this host, true or not: Azure builds `request.url` of it. */
export function originOf(request: IncomingMessage): string {
  return `http://${request.headers.host ?? ''}`;
}

/**
 * Returns the headers as Kestrel reads them, values in UTF-8. Repeated headers are joined by `separator`, and cookies by `; ` as
 * .NET does.
 */
export function headersOf({ rawHeaders }: IncomingMessage, separator = ','): Record<string, string> {
  // A client may name one as it likes, `constructor` for instance.
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

/** Node gives each byte of a value as one character. */
const inUtf8 = (value: string): string =>
  /[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
