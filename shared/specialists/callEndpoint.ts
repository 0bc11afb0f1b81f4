import { type OutboundClient, type OutboundRequest, explain } from '../platform/outbound/outboundClient.ts';
import { type Result, fail, succeed } from '../platform/base/result.ts';

const MAX_BYTES = 1024 * 1024;

/** What an endpoint answered, whatever its status. */
export interface EndpointAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON; undefined where the body is none. */
  readonly body: unknown;
  readonly bytes: number;
  /** From the request to the last byte. */
  readonly durationMs: number;
}

/**
 * Calls an endpoint as a client would, with a token where one is given, and reads at most 1 MiB of the answer. Failures:
 * `invalid` for an address that may not be called, `timeout`, `unavailable`, `too_large`; none holds what the endpoint sent.
 */
export async function callEndpoint(
  outbound: OutboundClient,
  {
    token,
    headers = {},
    ...request
  }: Omit<OutboundRequest, 'headers'> & {
    readonly headers?: OutboundRequest['headers'];
    readonly token?: string | undefined;
  },
): Promise<Result<EndpointAnswer>> {
  const startedAt = performance.now();
  const sent = await outbound.request({
    ...request,
    headers: {
      accept: 'application/json',
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  });
  if (!sent.ok) return sent;
  const { statusCode: status, headers: received, body } = sent.value;
  try {
    const bytes = await body.bytes(MAX_BYTES);
    if (!bytes) return fail({ kind: 'too_large', message: `it answered with more than ${MAX_BYTES} bytes` });
    const durationMs = performance.now() - startedAt;
    return succeed({ status, headers: received, body: jsonIn(bytes), bytes: bytes.length, durationMs });
  } catch (error) {
    return fail(explain(error, request.signal));
  }
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
