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

/** The headers as the client sent them; one that came repeatedly is one, with commas. */
export function headersOf({ rawHeaders }: IncomingMessage): Record<string, string> {
  // A client may name one as it likes, `constructor` for instance.
  const headers = Object.create(null) as Record<string, string>;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    const value = rawHeaders[at + 1] ?? '';
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before},${value}`;
  }
  return headers;
}
