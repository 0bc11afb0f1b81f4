import type { Tool } from '../../registry/records/server.ts';
import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import type { Answer } from './answer.ts';
import type { Connection, UpstreamCall } from './connection.ts';
import { OutdatedEra } from './fault.ts';

/** A server after its record was refreshed. */
export interface Refreshed {
  readonly connection: Connection;
  readonly tool: Tool | undefined;
}

/** Errors that mean an outdated record. The server rejected the request before it began. */
const outdated: ReadonlySet<number> = new Set([HEADER_MISMATCH, UNSUPPORTED_VERSION]);

/**
 * Refreshes the record of a server that rejects a request because the record is outdated, and makes the request once more: with
 * the headers, version and era of the new record (2026-07-28, transports, Server Validation).
 */
export function retryAfterRefresh(
  first: Connection,
  refresh: () => Promise<Refreshed | undefined>,
): Connection {
  // A field and no getter: V8 would create a shape for each such object and keep what the getter closes over.
  const retrying = {
    era: first.era,
    usesMrtr: first.usesMrtr,
    request: (call: UpstreamCall, signal: AbortSignal): Promise<Answer> =>
      first.request(call, signal).then(
        (answer) => (isOutdated(answer) ? again(call, signal).then((other) => other ?? answer) : answer),
        async (error: unknown) => {
          const other = error instanceof OutdatedEra ? await again(call, signal) : undefined;
          if (other === undefined) throw error;
          return other;
        },
      ),
  };

  /** Returns the answer of the refreshed server; `undefined` when there is none. */
  async function again(call: UpstreamCall, signal: AbortSignal): Promise<Answer | undefined> {
    const refreshed = await refresh();
    if (refreshed === undefined) return undefined;
    retrying.era = refreshed.connection.era;
    return refreshed.connection.request({ ...call, tool: refreshed.tool ?? call.tool }, signal);
  }
  return retrying;
}

const isOutdated = (answer: Answer): boolean =>
  answer.kind === 'whole' && 'error' in answer.outcome && outdated.has(answer.outcome.error.code);
