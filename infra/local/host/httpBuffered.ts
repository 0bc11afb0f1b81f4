import type { ServerResponse } from 'node:http';
import { joinedQuery } from './bindingData.ts';
import type { HttpCookie, HttpData, TypedData } from './coreTypes.ts';

export interface BufferedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly routeValues: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** The whole request as one value: what a function gets when the app has not turned streaming on. */
export function toHttpData(request: BufferedRequest): TypedData {
  const { method, url, body } = request;
  const data: HttpData = {
    method,
    url,
    nullableHeaders: nullable(request.headers),
    nullableQuery: nullable(joinedQuery(request.query)),
    nullableParams: nullable(request.routeValues),
    body: body ? { bytes: body } : null,
  };
  return { http: data };
}

/** Writes the whole answer at once. A function that returned nothing answers 204. */
export function sendHttpData(response: ServerResponse, answer: TypedData | null | undefined): void {
  const http = answer?.http;
  if (!http) {
    response.writeHead(204).end();
    return;
  }
  response.statusCode = Number(http.statusCode ?? 200);
  for (const [name, value] of Object.entries(http.headers ?? {})) response.setHeader(name, value);
  if (http.cookies?.length) response.setHeader('set-cookie', http.cookies.map(serializeCookie));
  const bytes = http.body?.bytes;
  // Written before the end, so that an answer that names no length leaves chunked.
  if (bytes?.length) response.write(bytes);
  response.end();
}

function nullable(values: Readonly<Record<string, string>>): Record<string, { value: string }> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}

const SAME_SITE = { none: undefined, lax: 'Lax', strict: 'Strict', explicitNone: 'None' } as const;

function serializeCookie(cookie: HttpCookie): string {
  const expires = cookie.expires?.value;
  const sameSite = SAME_SITE[cookie.sameSite ?? 'none'];
  return [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    expires && `Expires=${new Date(expires.seconds * 1000).toUTCString()}`,
    cookie.maxAge?.value !== undefined && `Max-Age=${cookie.maxAge.value}`,
    cookie.domain?.value && `Domain=${cookie.domain.value}`,
    cookie.path?.value && `Path=${cookie.path.value}`,
    cookie.secure?.value && 'Secure',
    cookie.httpOnly?.value && 'HttpOnly',
    sameSite && `SameSite=${sameSite}`,
  ]
    .filter(Boolean)
    .join('; ');
}
