import type { DomainError } from '../base/errors.ts';
import { type OutboundClient, explain } from './outboundClient.ts';
import { type Result, fail, succeed } from '../base/result.ts';

export interface JsonSource {
  readonly url: string;
  /** For the whole of it, from the connection to the last byte. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/**
 * Reads a JSON document from a server that nobody vouches for. Failures: `invalid` for an address that may not be called and
 * for a request that the server refuses; `too_large`; `timeout`; `unavailable`. They hold nothing of what the server sent.
 */
export async function fetchJson(outbound: OutboundClient, source: JsonSource): Promise<Result<unknown>> {
  const { url, timeoutMs, maxBytes } = source;
  const signal = AbortSignal.timeout(timeoutMs);
  const sent = await outbound.request({
    method: 'GET',
    url,
    headers: { accept: 'application/json', 'user-agent': 'mcp-registry-gateway' },
    signal,
  });
  if (!sent.ok) return sent;
  const { statusCode, body } = sent.value;
  const refused = statusError(statusCode);
  if (refused) {
    body.leave();
    return fail(refused);
  }
  try {
    const bytes = await body.bytes(maxBytes);
    if (!bytes) return fail({ kind: 'too_large', message: `it answered with more than ${maxBytes} bytes` });
    return readJson(bytes);
  } catch (error) {
    return fail(explain(error, signal));
  }
}

function statusError(status: number): DomainError | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) {
    return {
      kind: 'unavailable',
      message: `it answered HTTP ${status}, a redirect, which the gateway never follows`,
    };
  }
  // What passes by itself, or when its administrator lets us in, says nothing against the request.
  const passes = status >= 500 || [401, 403, 408, 429].includes(status);
  return { kind: passes ? 'unavailable' : 'invalid', message: `it answered HTTP ${status}` };
}

function readJson(bytes: Buffer): Result<unknown> {
  try {
    return succeed(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown);
  } catch {
    return fail({ kind: 'unavailable', message: 'it answered with something that is not JSON' });
  }
}
