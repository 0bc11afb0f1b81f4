import type { ActOutcome } from '../../audit/model/record.ts';
import { faultError } from '../../platform/base/errors.ts';
import type { Log, LogFields } from '../../platform/telemetry/log.ts';
import type { Era } from '../../registry/records/era.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { faultOutcome, faultResponse } from './faultResponse.ts';
import type { JsonObject, JsonRpcNotification, Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { type Audience, concerns } from './audience.ts';
import { eventResponse, outcomeResponse } from '../protocol/responses.ts';
import { encodeEvent } from '../protocol/sse.ts';
import { translateOutcome } from '../protocol/translate.ts';
import { type AnswerItem, nextItem, PERSON_WITHIN_MS, type ReplyTo } from '../upstream/answer.ts';
import { type Connection, TIME_OVER, type UpstreamCall } from '../upstream/connection.ts';
import { type FaultKind, faultErrors, UpstreamFault } from '../upstream/fault.ts';

/** One request on its way through. */
export interface Relayed {
  readonly call: UpstreamCall;
  /** The server's own limit, in milliseconds, where it has one. */
  readonly timeoutMs: number | undefined;
  readonly connection: Connection;
  /** How the client is spoken to. */
  readonly era: Era;
  readonly audience: Audience;
  /** The server's slug, by which errors name it. */
  readonly server: string;
  /** A result in the names of the endpoint. */
  readonly show: (result: JsonObject) => JsonObject;
  /** The id under which the client is asked what the server wants to know. */
  readonly idFor: (id: RequestId, replyTo: ReplyTo) => string;
  /** Told once, when the call has ended. */
  readonly onEnd: (outcome: ActOutcome) => void;
  /** Told before that, when it is the server that failed. */
  readonly onFault: (kind: FaultKind) => void;
}

/** From the first byte up to the last one down. A person waits no longer, unless it is for another person. */
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
  const expire = () => {
    upstream.abort(TIME_OVER);
  };
  let timer = setTimeout(expire, relayed.timeoutMs ?? CALL_WITHIN_MS);
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
    // Over already: the client has dropped the stream.
    const isGivenUp = signal.aborted || isOver;
    if (isGivenUp) settle('cancelled');
    settle(error instanceof UpstreamFault ? faultErrors[error.kind] : faultError(error).kind);
    abort();
    if (!(error instanceof UpstreamFault)) return faultOutcome(error, log, fields);
    const { kind, message, status } = error;
    if (!isGivenUp) {
      log.warn('upstream_failed', { ...fields, server, kind, status });
      relayed.onFault(kind);
    }
    const shown = { kind: faultErrors[kind], message: `The server "${server}" ${message}.` };
    return { error: toJsonRpcError(shown, { server, kind }) };
  };
  const waitForPerson = () => {
    clearTimeout(timer);
    timer = setTimeout(expire, PERSON_WITHIN_MS);
  };

  try {
    const answer = await connection.request(call, upstream.signal);
    if (answer.kind === 'stream') {
      return streamed(relayed, answer.items, { settle, abort, fail, waitForPerson });
    }
    settle(kindOf(answer.outcome));
    return outcomeResponse(era, call.id, shown(relayed, answer.outcome));
  } catch (error) {
    const outcome = fail(error);
    return error instanceof UpstreamFault
      ? outcomeResponse(era, call.id, outcome)
      : faultResponse(call.id, error, outcome);
  }
}

function shown({ connection, era, call, show }: Relayed, outcome: Outcome): Outcome {
  const translated = translateOutcome(connection.era, era, outcome, call.method);
  return 'error' in translated ? translated : { result: show(translated.result) };
}

function kindOf(outcome: Outcome): ActOutcome {
  if ('error' in outcome) return 'rpc_error';
  return outcome.result['isError'] === true ? 'tool_error' : 'succeeded';
}

interface Ending {
  readonly settle: (outcome: ActOutcome) => void;
  readonly abort: () => void;
  readonly fail: (error: unknown) => Outcome;
  /** Gives the call more time from now on. */
  readonly waitForPerson: () => void;
}

function streamed(
  relayed: Relayed,
  items: AsyncGenerator<AnswerItem, void, undefined>,
  { settle, abort, fail, waitForPerson }: Ending,
): Response {
  const { call, audience } = relayed;
  const more = (message: JsonRpcNotification & { readonly id?: RequestId }) => ({
    event: encodeEvent(message),
    last: false,
  });
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
            return last(shown(relayed, item.outcome));
          }
          if (item.kind === 'request') {
            waitForPerson();
            return more({ ...item.request, id: relayed.idFor(item.request.id, item.replyTo) });
          }
          if (concerns(audience, item.notification)) return more(item.notification);
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
