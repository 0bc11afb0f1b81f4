import { parseJson } from '../../platform/base/json.ts';
import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import { isEchoOf, isObject, type JsonRpcError, type Outcome, type RequestId } from '../protocol/jsonRpc.ts';
import { drop, parse, readText, type Reply } from './exchange.ts';
import { oneLine, UpstreamFault } from './fault.ts';

/**
 * Returns the JSON-RPC error that a server sends under an HTTP status other than 2xx for the request `id` (2026-07-28, transports:
 * 400 and 404 do, and many servers send others). @throws UpstreamFault `fault` with what the server said, for every other body. A
 * 401 and a 403 stay the fault that they are, because they ask for credentials.
 */
export async function refusedOutcome(reply: Reply, id: RequestId, fault: UpstreamFault): Promise<Outcome> {
  const { text, error, isFor } = await readRefusal(reply, id);
  if (error !== undefined && isFor === true && fault.kind !== 'credentials_wanted') return { error };
  const reason = fault.said?.reason ?? reasonIn(text, error);
  throw new UpstreamFault(fault.kind, fault.message, fault.status, {
    reason,
    rpcError: error,
    asksForToken: reply.asksForToken,
  });
}

/** Errors that a modern server may find in the headers, before it reads an id. */
const headerErrors: ReadonlySet<number> = new Set([HEADER_MISMATCH, UNSUPPORTED_VERSION]);

interface Refusal {
  /** Empty for a page, and for a body that cannot be read. */
  readonly text: string;
  readonly error?: JsonRpcError;
  /** Whether the error names the request. A server that read no request names none. */
  readonly isFor?: boolean;
}

async function readRefusal(reply: Reply, id: RequestId): Promise<Refusal> {
  if (reply.status < 400 || (reply.form !== 'json' && reply.form !== 'unnamed')) {
    drop(reply);
    return { text: '' };
  }
  try {
    const text = await readText(reply);
    for (const message of parse(text) ?? []) {
      if (message.kind !== 'response' || !('error' in message.outcome)) continue;
      const { error } = message.outcome;
      if (message.id === null) return { text, error, isFor: headerErrors.has(error.code) };
      if (isEchoOf(id, message.id)) return { text, error, isFor: true };
    }
    return { text };
  } catch (error) {
    // The status says more than a body that cannot be read.
    if (error instanceof UpstreamFault) return { text: '' };
    throw error;
  }
}

/** The fields in which servers give a reason: those of OAuth 2.0 (RFC 6750), of problem details (RFC 9457) and of frameworks. */
const REASON_FIELDS = ['error_description', 'message', 'detail', 'title', 'error'] as const;

/** Returns a server's reason, or `undefined` where it gives none, or a page. */
function reasonIn(text: string, error: JsonRpcError | undefined): string | undefined {
  const value = parseJson(text);
  const fields = isObject(value) ? value : {};
  const words =
    error?.message ??
    (value === undefined
      ? text
      : REASON_FIELDS.map((name) => fields[name]).find((field) => typeof field === 'string'));
  return typeof words === 'string' && !words.trimStart().startsWith('<') ? oneLine(words) : undefined;
}
