import type { ActOutcome } from '../audit/record.ts';
import type { Log, LogFields } from '../platform/log.ts';
import type { Era } from '../registry/server.ts';
import { INTERNAL_ERROR, toJsonRpcError } from './errorCodes.ts';
import type { Outcome } from './jsonRpc.ts';
import { type Audience, concerns } from './notifications.ts';
import { eventResponse, outcomeResponse } from './responses.ts';
import { encodeEvent } from './sse.ts';
import { translateOutcome } from './translate.ts';
import { type AnswerItem, nextItem } from './upstream/answer.ts';
import type { Connection, ToolCall } from './upstream/connection.ts';
import { type FaultKind, faultErrors, UpstreamFault } from './upstream/fault.ts';

/** One call on its way through. */
export interface Relayed {
  readonly call: ToolCall;
  readonly connection: Connection;
  /** How the client is spoken to. */
  readonly era: Era;
  readonly audience: Audience;
  /** The server's slug, by which errors name it. */
  readonly server: string;
  /** Told once, when the call has ended. */
  readonly onEnd: (outcome: ActOutcome) => void;
  /** Told before that, when it is the server that failed. */
  readonly onFault: (kind: FaultKind) => void;
}

/** From the first byte up to the last one down. A person waits no longer, and Azure cuts HTTP calls at 230 seconds. */
const CALL_WITHIN_MS = 100_000;

/**
 * Makes the call and answers as the upstream does: JSON with JSON, a stream with a stream, event by event as they come.
 * Whatever goes wrong is a JSON-RPC error for the call's id, in the stream too: this never throws and its body never
 * fails. The upstream call is aborted when `signal` is, when its time is over and when the client drops the body.
 */
export async function relay(
  relayed: Relayed,
  signal: AbortSignal,
  log: Log,
  fields: LogFields,
): Promise<Response> {
  const { call, connection, era, server } = relayed;
  const upstream = new AbortController();
  const abort = () => {
    upstream.abort();
  };
  const timer = setTimeout(abort, CALL_WITHIN_MS);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  let isOver = false;
  const settle = (outcome: ActOutcome) => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    if (!isOver) relayed.onEnd(outcome);
    isOver = true;
  };
  const fail = (error: unknown): Outcome => {
    settle(error instanceof UpstreamFault ? faultErrors[error.kind] : 'internal');
    abort();
    if (!(error instanceof UpstreamFault)) return internalError(error, log, fields);
    const { kind, message, status } = error;
    log.warn('upstream_failed', { ...fields, server, kind, status });
    relayed.onFault(kind);
    const shown = { kind: faultErrors[kind], message: `The server "${server}" ${message}.` };
    return { error: toJsonRpcError(shown, { server, kind }) };
  };

  try {
    const answer = await connection.callTool(call, upstream.signal);
    if (answer.kind === 'stream') return streamed(relayed, answer.items, { settle, abort, fail });
    settle(kindOf(answer.outcome));
    return outcomeResponse(era, call.id, translateOutcome(connection.era, era, answer.outcome));
  } catch (error) {
    return outcomeResponse(era, call.id, fail(error));
  }
}

/** A fault of our own, or of what we stand on: the log says which, the caller does not learn it. */
export function internalError(error: unknown, log: Log, fields: LogFields): Outcome {
  log.error('request_failed', fields, error);
  return {
    error: {
      code: INTERNAL_ERROR,
      message: 'The gateway could not do this. Try again; if it stays, tell its operator the trace id.',
      data: { traceId: fields['traceId'] },
    },
  };
}

function kindOf(outcome: Outcome): ActOutcome {
  if ('error' in outcome) return 'rpc_error';
  return outcome.result['isError'] === true ? 'tool_error' : 'succeeded';
}

interface Ending {
  readonly settle: (outcome: ActOutcome) => void;
  readonly abort: () => void;
  readonly fail: (error: unknown) => Outcome;
}

function streamed(
  { call, connection, era, audience }: Relayed,
  items: AsyncGenerator<AnswerItem, void, undefined>,
  { settle, abort, fail }: Ending,
): Response {
  const last = (outcome: Outcome) => ({
    event: encodeEvent({ jsonrpc: '2.0', id: call.id, ...outcome }),
    last: true,
  });
  return eventResponse({
    async next() {
      try {
        for (;;) {
          const item = await nextItem(items);
          if (item.kind === 'outcome') {
            settle(kindOf(item.outcome));
            await items.return();
            return last(translateOutcome(connection.era, era, item.outcome));
          }
          if (concerns(audience, item.notification)) {
            return { event: encodeEvent(item.notification), last: false };
          }
        }
      } catch (error) {
        return last(fail(error));
      }
    },
    cancel() {
      settle('cancelled');
      abort();
    },
  });
}
