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
    async request(call: UpstreamCall, signal: AbortSignal): Promise<Answer> {
      let rejected: Answer | OutdatedEra;
      try {
        rejected = await first.request(call, signal);
        if (!isOutdated(rejected)) return rejected;
      } catch (error) {
        if (!(error instanceof OutdatedEra)) throw error;
        rejected = error;
      }
      const refreshed = await refresh();
      if (refreshed === undefined) {
        if (rejected instanceof OutdatedEra) throw rejected;
        return rejected;
      }
      retrying.era = refreshed.connection.era;
      return refreshed.connection.request({ ...call, tool: refreshed.tool ?? call.tool }, signal);
    },
  };
  return retrying;
}

const isOutdated = (answer: Answer): boolean =>
  answer.kind === 'whole' && 'error' in answer.outcome && outdated.has(answer.outcome.error.code);
