import { parseJsonBytes } from '../../platform/base/json.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { explain, type OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { ACCOUNT_TIMEOUT_MS, MAX_ACCOUNT_BYTES } from '../limits.ts';

/** An answer of a server that wants sign-in, or of its authorization server. */
export interface ServerAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON; `undefined` where the body is none. */
  readonly body: unknown;
}

interface Ask {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Sends a request through the guarded client, in 10 seconds and with an answer of 256 KiB at most. A redirect of a `GET` is followed
 * within its origin only; a `POST` may hold a secret, so its redirects are not. Failures: `invalid` for an address that may not
 * be called; `unavailable`, `timeout`, `too_large`.
 */
export async function askServer(outbound: OutboundClient, ask: Ask): Promise<Result<ServerAnswer>> {
  const signal = AbortSignal.timeout(ACCOUNT_TIMEOUT_MS);
  const sent = await outbound.request({
    method: ask.method,
    url: ask.url,
    headers: { accept: 'application/json', 'user-agent': 'mcp-registry-gateway', ...ask.headers },
    body: ask.body,
    signal,
    followsRedirects: ask.method === 'GET',
  });
  if (!sent.ok) return sent;
  const { statusCode, headers: received, body } = sent.value;
  try {
    const bytes = await body.bytes(MAX_ACCOUNT_BYTES);
    if (!bytes)
      return fail({ kind: 'too_large', message: `it answered with more than ${MAX_ACCOUNT_BYTES} bytes` });
    const headers = new Headers();
    for (const [name, value] of Object.entries(received))
      for (const each of [value ?? []].flat()) headers.append(name, each);
    return succeed({ status: statusCode, headers, body: parseJsonBytes(bytes) });
  } catch (error) {
    return fail(explain(error, signal));
  }
}

/** A request that got no answer. `message` is from a closed list. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Returns `fetch` over the guarded client, for `oauth4webapi`. @throws NoAnswer */
export const guardedFetch =
  (outbound: OutboundClient) =>
  async (
    url: string,
    {
      method,
      headers,
      body,
    }: { readonly method: string; readonly headers: Record<string, string>; readonly body?: unknown },
  ): Promise<Response> => {
    const answer = await askServer(outbound, {
      method: method === 'POST' ? 'POST' : 'GET',
      url,
      headers,
      ...(body instanceof URLSearchParams && { body: body.toString() }),
    });
    if (!answer.ok) throw new NoAnswer(answer.error.message);
    const { status, headers: received, body: parsed } = answer.value;
    // The body is parsed already, and shorter codings are undone.
    const kept = ['content-type', 'www-authenticate'].flatMap((name): [string, string][] => {
      const value = received.get(name);
      return value === null ? [] : [[name, value]];
    });
    return new Response(parsed === undefined ? null : JSON.stringify(parsed), { status, headers: kept });
  };
