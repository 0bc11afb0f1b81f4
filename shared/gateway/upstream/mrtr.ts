import { canAnswer } from '../protocol/clientFeatures.ts';
import { idForServer, isObject, type JsonObject, type Outcome } from '../protocol/jsonRpc.ts';
import { MAX_MRTR_REQUESTS, MAX_MRTR_ROUNDS } from '../protocol/limits.ts';
import { type Answer, type AnswerItem, nextItem } from './answer.ts';
import { type Connection, TIMED_OUT, type UpstreamCall } from './connection.ts';
import { UpstreamFault } from './fault.ts';

/** A server request whose answer a call of ours waits for. */
export interface PendingAnswer {
  /** The id of the request for the client. */
  readonly ticket: string;
  /** The client's answer; `undefined` after the timeout or an abort. */
  readonly answer: Promise<Outcome | undefined>;
}

/** Begins to wait for the client's answer to one server request. */
export type WaitForAnswer = (signal: AbortSignal) => PendingAnswer;

/**
 * Lets a modern server send server requests to a legacy client (2026-07-28, multi-round-trip requests). The server puts them
 * into a result. The client gets them on the stream of its call, and the call is made again with the answers, until a result
 * has no more of them.
 */
export function withMrtr(connection: Connection, capabilities: JsonObject, wait: WaitForAnswer): Connection {
  return {
    era: connection.era,
    usesMrtr: connection.usesMrtr,
    async request(call, signal) {
      const answer = await connection.request(call, signal);
      if (answer.kind === 'whole' && inputRequestsIn(answer.outcome) === undefined) return answer;
      return { kind: 'stream', items: rounds(call, answer, signal) };
    },
  };

  async function* rounds(
    call: UpstreamCall,
    first: Answer,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerItem, void, undefined> {
    let answer = first;
    for (let round = 1; ; round++) {
      const outcome = yield* untilOutcome(answer);
      const asked = inputRequestsIn(outcome);
      const canAll = asked?.inputRequests.every(([, { method }]) =>
        canAnswer(capabilities, method, call.method),
      );
      if (asked === undefined || canAll !== true) {
        yield { kind: 'outcome', outcome };
        return;
      }
      if (round > MAX_MRTR_ROUNDS || asked.inputRequests.length > MAX_MRTR_REQUESTS)
        throw new UpstreamFault(
          'too_large',
          `sent server requests more than ${MAX_MRTR_ROUNDS} times or more than ${MAX_MRTR_REQUESTS} at once`,
        );
      const inputResponses = new Map<string, unknown>();
      const waiting = asked.inputRequests.map(([key, request]) => ({
        key,
        request,
        ...wait(signal),
      }));
      for (const { ticket, request } of waiting) {
        yield {
          kind: 'request',
          request: { jsonrpc: '2.0', id: ticket, ...asLegacy(request, ticket) },
          replyTo: { kind: 'held' },
        };
      }
      for (const { key, request, answer: awaited } of waiting) {
        const response = await awaited;
        if (response === undefined) {
          if (signal.aborted && signal.reason !== TIMED_OUT)
            throw new UpstreamFault('closed', 'waited for a client that has left');
          yield { kind: 'outcome', outcome: unanswered(request.method) };
          return;
        }
        if ('error' in response) {
          yield { kind: 'outcome', outcome: { error: response.error } };
          return;
        }
        inputResponses.set(key, response.result);
      }
      const { requestState } = asked;
      const params = {
        ...call.params,
        inputResponses: Object.fromEntries(inputResponses),
        ...(requestState !== undefined && { requestState }),
      };
      // A retry has another id than the request (2026-07-28, multi-round-trip requests).
      const id = `${idForServer(call.id)}-${round}`;
      answer = await connection.request({ ...call, id, params }, signal);
    }
  }
}

async function* untilOutcome(answer: Answer): AsyncGenerator<AnswerItem, Outcome, undefined> {
  if (answer.kind === 'whole') return answer.outcome;
  for (;;) {
    const item = await nextItem(answer.items);
    if (item.kind === 'outcome') {
      await answer.items.return();
      return item.outcome;
    }
    yield item;
  }
}

interface InputRequests {
  readonly inputRequests: readonly (readonly [
    string,
    { readonly method: string; readonly params?: JsonObject },
  ])[];
  readonly requestState: unknown;
}

/** Returns the server requests in a result; `undefined` when it has none, or none that can be read. */
function inputRequestsIn(outcome: Outcome): InputRequests | undefined {
  if ('error' in outcome || outcome.result['resultType'] !== 'input_required') return undefined;
  const { inputRequests = {}, requestState } = outcome.result;
  if (!isObject(inputRequests)) return undefined;
  const asked: InputRequests['inputRequests'][number][] = [];
  for (const [key, request] of Object.entries(inputRequests)) {
    if (!isObject(request) || typeof request['method'] !== 'string') return undefined;
    const { method, params } = request;
    asked.push([key, { method, ...(isObject(params) && { params }) }]);
  }
  return { inputRequests: asked, requestState };
}

/** Adds the id of an elicitation on a web page, which the notification of its end names (until 2025-11-25). */
function asLegacy(request: InputRequests['inputRequests'][number][1], ticket: string) {
  const { method, params } = request;
  const isUrl = method === 'elicitation/create' && params?.['mode'] === 'url';
  return isUrl ? { method, params: { elicitationId: ticket, ...params } } : request;
}

const unanswered = (method: string): Outcome => ({
  result: {
    content: [
      { type: 'text', text: `Your client was asked for input (${method}) and did not answer in time.` },
    ],
    isError: true,
  },
});
