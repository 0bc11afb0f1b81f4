import { StreamResponse } from '../../platform/http/streamResponse.ts';
import { TextResponse } from '../../platform/http/textResponse.ts';
import type { Era } from '../../registry/records/era.ts';
import { METHOD_NOT_FOUND, MISSING_CLIENT_CAPABILITY } from './errorCodes.ts';
import type { Outcome, RequestId } from './jsonRpc.ts';
import { COMMENT } from './sse.ts';

/** One JSON-RPC response by itself. */
export function jsonResponse(
  status: number,
  id: RequestId | null,
  outcome: Outcome,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new TextResponse(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/**
 * What a method came to, with HTTP 200 for errors too: the call was heard. Only two go to a modern client under statuses
 * of their own (2026-07-28, basic, Per-request protocol fields; transports, Protocol Version Header).
 */
export function outcomeResponse(era: Era, id: RequestId, outcome: Outcome): Response {
  const code = era === 'modern' && 'error' in outcome ? outcome.error.code : undefined;
  return jsonResponse(modernStatuses.get(code) ?? 200, id, outcome);
}

const modernStatuses: ReadonlyMap<number | undefined, number> = new Map([
  [MISSING_CLIENT_CAPABILITY, 400],
  [METHOD_NOT_FOUND, 404],
]);

export interface EventSource {
  /** The next event, and whether it is the last. Must not reject: on Azure a body that fails never ends. */
  next(): Promise<{ readonly event: Uint8Array; readonly last: boolean }>;
  /** The client has left, perhaps while `next` is awaited. The result of that `next` is discarded. */
  cancel(): void;
}

/** The headers leave with the first event: one that takes longer has a comment go before it. */
const FIRST_COMMENT_AFTER_MS = 25;
/** Proxies and load balancers cut streams that are silent for some time, 230 seconds on Azure. */
const COMMENT_EVERY_MS = 15_000;

/** A stream of server-sent events, made as the client reads them, with a comment now and then. */
export function eventResponse(source: EventSource): Response {
  return new StreamResponse(withComments(source), {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      // Reverse proxies otherwise hold events back (2026-07-28, transports, Receiving Messages).
      'x-accel-buffering': 'no',
    },
  });
}

function withComments(source: EventSource): AsyncIterable<Uint8Array> {
  const over = { done: true, value: undefined } as const;
  let isOver = false;
  let next: ReturnType<EventSource['next']> | undefined;
  let silence = silent(FIRST_COMMENT_AFTER_MS);
  const hasEnded = () => isOver;
  const end = () => {
    isOver = true;
    silence.end();
  };
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        if (hasEnded()) return over;
        next ??= source.next();
        const said = await Promise.race([next, silence.over]);
        // The client may have left meanwhile, which ends the silence too.
        if (hasEnded()) return over;
        if (said === undefined) {
          silence = silent(COMMENT_EVERY_MS);
          return { done: false, value: COMMENT };
        }
        next = undefined;
        if (said.last) end();
        return { done: false, value: said.event };
      },
      return() {
        if (!isOver) source.cancel();
        end();
        return Promise.resolve(over);
      },
    }),
  };
}

/** A stretch of time, which may be ended before it is over. */
function silent(ms: number): { readonly over: Promise<undefined>; end(): void } {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  return {
    over,
    end: () => {
      clearTimeout(timer);
      resolve(undefined);
    },
  };
}
