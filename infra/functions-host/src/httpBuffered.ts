import type { ServerResponse } from 'node:http';
import { joinedQuery } from './bindingData.ts';
import type { HttpCookie, HttpData, TypedData } from './coreTypes.ts';
import { type HttpCall, originOf } from './httpCall.ts';
import type { Invoker } from './invocation.ts';
import { readAnnouncedBody } from './requestBody.ts';

/**
 * Runs a function of an app without HTTP streaming: passes the request as one value, and writes the answer at once. As in
 * Azure, a chunked body does not arrive. @throws what the function threw. Then nothing is written.
 */
export async function answerWhole(call: HttpCall, invoker: Invoker): Promise<void> {
  const body = await readAnnouncedBody(call);
  const http: HttpData = {
    method: call.method,
    url: `${originOf(call)}${call.url}`,
    nullableHeaders: nullable(call.headers),
    nullableQuery: nullable(joinedQuery(call.query)),
    nullableParams: nullable(call.routeValues),
    body: body ? { bytes: body } : null,
  };
  const answer = await invoker.invoke(call.target, {
    data: { http },
    metadata: {},
    traceParent: call.traceParent,
  });
  send(call.response, answer);
}

/** A function that returned nothing answers 204. */
function send(response: ServerResponse, answer: TypedData | null | undefined): void {
  const http = answer?.http;
  if (!http) {
    response.writeHead(204).end();
    return;
  }
  response.statusCode = Number(http.statusCode ?? 200);
  for (const [name, value] of Object.entries(http.headers ?? {})) response.setHeader(name, value);
  if (http.cookies?.length) response.setHeader('set-cookie', http.cookies.map(serializeCookie));
  const bytes = http.body?.bytes;
  // Written before `end`, so that an answer without a length is chunked.
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
