import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { Answer } from './answer.ts';
import type { Connection, UpstreamCall } from './connection.ts';
import { OutdatedEra } from './fault.ts';

/** A server as it was found anew. */
export interface Renewed {
  readonly connection: Connection;
  readonly tool: Tool | undefined;
}

/** Errors that say that what we know of a server is out of date. It refused the request before it looked at it. */
const outOfDate: ReadonlySet<number> = new Set([HEADER_MISMATCH, UNSUPPORTED_VERSION]);

/**
 * A connection that finds the server anew, once, when it refuses a request for what we believed of it, and makes the request
 * again: with the headers that its tools want now, in the era that it speaks now (2026-07-28, transports, Server Validation).
 */
export function withRenewal(first: Connection, renew: () => Promise<Renewed | undefined>): Connection {
  // A field and no getter: the engine would make a shape of its own for each such object, and keep what its getter sees.
  const renewing = {
    era: first.era,
    async request(call: UpstreamCall, signal: AbortSignal): Promise<Answer> {
      let refused: Answer | OutdatedEra;
      try {
        refused = await first.request(call, signal);
        if (!isRefused(refused)) return refused;
      } catch (error) {
        if (!(error instanceof OutdatedEra)) throw error;
        refused = error;
      }
      const renewed = await renew();
      if (renewed === undefined) {
        if (refused instanceof OutdatedEra) throw refused;
        return refused;
      }
      renewing.era = renewed.connection.era;
      return renewed.connection.request({ ...call, tool: renewed.tool ?? call.tool }, signal);
    },
  };
  return renewing;
}

const isRefused = (answer: Answer): boolean =>
  answer.kind === 'whole' && 'error' in answer.outcome && outOfDate.has(answer.outcome.error.code);
