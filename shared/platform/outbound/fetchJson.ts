import type { DomainError } from '../base/errors.ts';
import { parseJsonBytes } from '../base/json.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import { explain, type OutboundClient } from './outboundClient.ts';

export interface JsonSource {
  readonly url: string;
  /** From the connection to the last byte. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** Reads a JSON document from an untrusted server. Failures: those of `fetchBytes`, and `unavailable` for other content. */
export async function fetchJson(outbound: OutboundClient, source: JsonSource): Promise<Result<unknown>> {
  const bytes = await fetchBytes(outbound, source);
  if (!bytes.ok) return bytes;
  const value = parseJsonBytes(bytes.value);
  return value === undefined
    ? fail({ kind: 'unavailable', message: 'it answered with something that is not JSON' })
    : succeed(value);
}

/**
 * Reads a document from an untrusted server. Failures: `invalid` for an address that may not be called and for a request that
 * the server rejects; `too_large`; `timeout`; `unavailable`. No failure holds anything that the server sent.
 */
export async function fetchBytes(outbound: OutboundClient, source: JsonSource): Promise<Result<Uint8Array>> {
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
  const rejected = statusError(statusCode);
  if (rejected) {
    body.leave();
    return fail(rejected);
  }
  try {
    const bytes = await body.bytes(maxBytes);
    return bytes
      ? succeed(bytes)
      : fail({ kind: 'too_large', message: `it answered with more than ${maxBytes} bytes` });
  } catch (error) {
    return fail(explain(error, signal));
  }
}

/** Statuses below 500 that say nothing against the request: it may succeed later, or once its administrator admits the gateway. */
const TEMPORARY: readonly number[] = [401, 403, 408, 429];

function statusError(status: number): DomainError | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) {
    return {
      kind: 'unavailable',
      message: `it answered HTTP ${status}, a redirect, which the gateway never follows`,
    };
  }
  const isTemporary = status >= 500 || TEMPORARY.includes(status);
  return { kind: isTemporary ? 'unavailable' : 'invalid', message: `it answered HTTP ${status}` };
}
