import { isObject, type JsonObject, type Outcome } from '../protocol/jsonRpc.ts';
import type { Questions } from '../session/serverRequests.ts';
import { type Answer, type AnswerItem, nextItem } from './answer.ts';
import { canAnswer } from '../protocol/clientFeatures.ts';
import { type Connection, TIME_OVER, type UpstreamCall } from './connection.ts';
import { UpstreamFault } from './fault.ts';

/** More rounds than any form has pages. */
const MAX_ROUNDS = 10;
/** Questions in one round. */
const MAX_QUESTIONS = 20;

/**
 * Lets a modern server ask a legacy client. What the server wants to know comes as a result that asks for another round
 * (2026-07-28, multi-round-trip requests); the client is asked over the stream of its call, and the call is made again with
 * what it answered, until there is another result.
 */
export function withRounds(
  connection: Connection,
  capabilities: JsonObject,
  questions: Pick<Questions, 'wait'>,
): Connection {
  return {
    era: connection.era,
    async request(call, signal) {
      const answer = await connection.request(call, signal);
      if (answer.kind === 'whole' && askedIn(answer.outcome) === undefined) return answer;
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
      const asked = askedIn(outcome);
      const canAll = asked?.inputRequests.every(([, { method }]) =>
        canAnswer(capabilities, method, call.method),
      );
      if (asked === undefined || canAll !== true) {
        yield { kind: 'outcome', outcome };
        return;
      }
      if (round > MAX_ROUNDS || asked.inputRequests.length > MAX_QUESTIONS)
        throw new UpstreamFault(
          'too_large',
          `asked more than ${MAX_ROUNDS} times or ${MAX_QUESTIONS} questions`,
        );
      const inputResponses = new Map<string, unknown>();
      const waiting = asked.inputRequests.map(([key, request]) => ({
        key,
        request,
        ...questions.wait(signal),
      }));
      for (const { ticket, request } of waiting) {
        yield {
          kind: 'request',
          request: { jsonrpc: '2.0', id: ticket, ...asLegacy(request, ticket) },
          replyTo: { kind: 'held' },
        };
      }
      for (const { key, request, answer: awaited } of waiting) {
        const told = await awaited;
        if (told === undefined) {
          if (signal.aborted && signal.reason !== TIME_OVER)
            throw new UpstreamFault('closed', 'waited for a client that has given up');
          yield { kind: 'outcome', outcome: notTold(request.method) };
          return;
        }
        if ('error' in told) {
          yield { kind: 'outcome', outcome: { error: told.error } };
          return;
        }
        inputResponses.set(key, told.result);
      }
      const { requestState } = asked;
      const params = {
        ...call.params,
        inputResponses: Object.fromEntries(inputResponses),
        ...(requestState !== undefined && { requestState }),
      };
      answer = await connection.request({ ...call, id: `${String(call.id)}-${round}`, params }, signal);
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

interface AskedFor {
  readonly inputRequests: readonly (readonly [
    string,
    { readonly method: string; readonly params?: JsonObject },
  ])[];
  readonly requestState: unknown;
}

/** What a result asks for, where it does and where it can be understood. */
function askedIn(outcome: Outcome): AskedFor | undefined {
  if ('error' in outcome || outcome.result['resultType'] !== 'input_required') return undefined;
  const { inputRequests = {}, requestState } = outcome.result;
  if (!isObject(inputRequests)) return undefined;
  const asked: AskedFor['inputRequests'][number][] = [];
  for (const [key, request] of Object.entries(inputRequests)) {
    if (!isObject(request) || typeof request['method'] !== 'string') return undefined;
    const { method, params } = request;
    asked.push([key, { method, ...(isObject(params) && { params }) }]);
  }
  return { inputRequests: asked, requestState };
}

/** Until 2025-11-25 a question that is answered on a web page has an id by which its end is told. */
function asLegacy(request: AskedFor['inputRequests'][number][1], ticket: string) {
  const { method, params } = request;
  const isUrl = method === 'elicitation/create' && params?.['mode'] === 'url';
  return isUrl ? { method, params: { elicitationId: ticket, ...params } } : request;
}

const notTold = (method: string): Outcome => ({
  result: {
    content: [
      { type: 'text', text: `Your client was asked for input (${method}) and did not answer in time.` },
    ],
    isError: true,
  },
});
