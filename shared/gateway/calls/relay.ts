import type { ActOutcome } from '../../audit/model/record.ts';
import { faultError } from '../../platform/base/errors.ts';
import type { Log, LogFields } from '../../platform/telemetry/log.ts';
import { SERVER_TIMING, stage } from '../../platform/telemetry/serverTiming.ts';
import type { AcceptedForm } from '../protocol/accept.ts';
import type { ClientEra } from '../protocol/clientEra.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import type { JsonObject, JsonRpcNotification, Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { CALL_TIMEOUT_MS, MAX_CALL_MS, PERSON_TIMEOUT_MS } from '../protocol/limits.ts';
import { faultOutcome, faultResponse, outcomeResponse } from '../protocol/responses.ts';
import { COMMENT, encodeEvent, encodeResponse, eventResponse } from '../protocol/sse.ts';
import { type Items, nextItem, type ReplyTo, withoutNotifications } from '../upstream/answer.ts';
import { type Connection, TIMED_OUT, type UpstreamCall } from '../upstream/connection.ts';
import { faultErrors, type FaultKind, SignInNeeded, UpstreamFault } from '../upstream/fault.ts';
import { type Audience, concerns } from './audience.ts';

/** One request for a server, with what the relay needs to answer its client. */
export interface RelayedCall {
  readonly call: UpstreamCall;
  readonly connection: Connection;
  readonly client: ClientEra;
  readonly audience: Audience;
  readonly accepts: AcceptedForm;
  /** The server's slug, by which errors name it. */
  readonly server: string;
  /** The time that finding the server took, in milliseconds. */
  readonly catalogueMs: number;
  /** Returns a result with the names of the endpoint. */
  readonly show: (result: JsonObject) => JsonObject;
  /** Returns the id of a server request for the client. */
  readonly idFor: (id: RequestId, replyTo: ReplyTo) => string;
  /** Returns the outcome for a user who has to sign in at the server first. */
  readonly askToSignIn: (needed: SignInNeeded) => Outcome;
  /** Called once, when the call has ended. */
  readonly onEnd: (outcome: ActOutcome) => void;
  /** Called before `onEnd`, when the server has failed. */
  readonly onFault: (kind: FaultKind) => void;
}

/**
 * Makes the call and answers in the form of the server's answer: JSON, or a stream, event by event as they arrive. A client that
 * accepts only JSON gets the outcome alone, but a stream when the server sends it a request. Every failure
 * is a JSON-RPC error for the call's id, in a stream too: the relay never throws, and its body never fails. It aborts the upstream
 * call when `signal` aborts, after the call timeout, and when the client drops the body. A stream ends without an answer when
 * `signal` aborts.
 */
export async function relay(
  relayed: RelayedCall,
  signal: AbortSignal,
  log: Log,
  fields: LogFields,
): Promise<Response> {
  const { call, connection, client, server } = relayed;
  const upstream = new AbortController();
  const abort = () => {
    upstream.abort();
  };
  const expire = () => {
    upstream.abort(TIMED_OUT);
  };
  const startedAt = performance.now();
  let timer = setTimeout(expire, call.timeoutMs ?? CALL_TIMEOUT_MS);
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
    // After the end of the call, the client has dropped the stream.
    const clientLeft = signal.aborted || isOver;
    if (clientLeft) settle('cancelled');
    if (error instanceof SignInNeeded) {
      settle('sign_in_needed');
      abort();
      return relayed.askToSignIn(error);
    }
    settle(error instanceof UpstreamFault ? faultErrors[error.kind] : faultError(error).kind);
    abort();
    if (!(error instanceof UpstreamFault)) return faultOutcome(error, log, fields);
    const { kind, message, status } = error;
    if (!clientLeft) {
      log.warn('upstream_failed', { ...fields, server, kind, status });
      relayed.onFault(kind);
    }
    const shown = { kind: faultErrors[kind], message: `The server "${server}" ${message}.` };
    return { error: toJsonRpcError(shown, { server, kind }) };
  };
  /** Replaces the limit on the answer by one on the call. The reader of a stream limits its silences. */
  const allow = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(expire, ms);
  };
  const waitForPerson = () => {
    allow(PERSON_TIMEOUT_MS);
  };
  const timed = (response: Response): Response => {
    const upstreamMs = performance.now() - startedAt;
    const stages = `${stage('catalogue', relayed.catalogueMs)}, ${stage('upstream', upstreamMs)}`;
    response.headers.append(SERVER_TIMING, stages);
    return response;
  };

  try {
    const given = await connection.request(call, upstream.signal);
    const isWanted = given.kind === 'whole' || relayed.accepts !== 'json';
    const answer = isWanted ? given : await withoutNotifications(given);
    if (answer.kind === 'stream') {
      // Whole seconds, because Node keeps a list of timers for each duration.
      allow(MAX_CALL_MS - 1_000 * Math.floor((performance.now() - startedAt) / 1_000));
      return timed(streamed(relayed, answer.items, { signal, settle, abort, fail, waitForPerson }));
    }
    settle(auditOutcome(answer.outcome));
    return timed(outcomeResponse(client, call.id, shown(relayed, answer.outcome)));
  } catch (error) {
    const refused = error instanceof UpstreamFault ? refusalOf(error, server) : undefined;
    if (refused !== undefined) {
      settle(auditOutcome(refused));
      return timed(outcomeResponse(client, call.id, shown(relayed, refused)));
    }
    const outcome = fail(error);
    return timed(
      error instanceof UpstreamFault
        ? outcomeResponse(client, call.id, outcome)
        : faultResponse(call.id, error, outcome),
    );
  }
}

/**
 * Returns the JSON-RPC error with which a server refused a call under an HTTP error status; `undefined` when it gave none. A
 * client that reads the kind of the fault in `data` finds it where the server gave no data.
 */
function refusalOf({ kind, said }: UpstreamFault, server: string): Outcome | undefined {
  return said?.rpcError && { error: { data: { server, kind }, ...said.rpcError } };
}

/** Returns an outcome as the client sees it. */
function shown({ connection, client, call, show }: RelayedCall, outcome: Outcome): Outcome {
  const translated = client.translate[connection.era](outcome, call.method);
  if ('error' in translated) return translated;
  const result = show(translated.result);
  return result === translated.result ? translated : { result };
}

/** The end of a stream whose client wants no answer (2025-11-25, utilities/cancellation). */
const NO_ANSWER = { event: COMMENT, last: true } as const;

function auditOutcome(outcome: Outcome): ActOutcome {
  if ('error' in outcome) return 'rpc_error';
  return outcome.result['isError'] === true ? 'tool_error' : 'succeeded';
}

interface Ending {
  /** Aborted when the client has left or has cancelled the call. */
  readonly signal: AbortSignal;
  readonly settle: (outcome: ActOutcome) => void;
  readonly abort: () => void;
  readonly fail: (error: unknown) => Outcome;
  /** Replaces the call timeout by the longer one for a person's answer. */
  readonly waitForPerson: () => void;
}

function streamed(
  relayed: RelayedCall,
  items: Items,
  { signal, settle, abort, fail, waitForPerson }: Ending,
): Response {
  const { call, audience } = relayed;
  const more = (message: JsonRpcNotification & { readonly id?: RequestId }) => ({
    event: encodeEvent(message),
    last: false,
  });
  const last = (outcome: Outcome) => ({ event: encodeResponse(call.id, outcome), last: true });
  return eventResponse({
    async next() {
      try {
        for (;;) {
          const item = await nextItem(items);
          if (item.kind === 'outcome') {
            settle(auditOutcome(item.outcome));
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
        const outcome = fail(error);
        return signal.aborted ? NO_ANSWER : last(outcome);
      }
    },
    cancel() {
      settle('cancelled');
      abort();
    },
  });
}
