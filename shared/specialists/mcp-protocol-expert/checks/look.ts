import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import type { Answer, Exchanged } from '../transcript/exchange.ts';
import {
  errorIn,
  isResponse,
  type ListKind,
  listKinds,
  resultIn,
  type Transcript,
} from '../transcript/transcript.ts';
import { type Judgement, notApplicable, passed, failed, type Subject } from './check.ts';

/** An exchange that was answered. */
export interface Answered {
  readonly exchanged: Exchanged;
  readonly answer: Answer;
}

const answered = (exchanges: Iterable<Exchanged>): readonly Subject<Answered>[] =>
  [...exchanges].flatMap((exchanged) => {
    const { answer, sent } = exchanged;
    return answer ? [{ name: sent.step, value: { exchanged, answer } }] : [];
  });

/** Answers to requests, of any status. What a server of both eras says in the other one is none of this era's. */
export const answersToRequests = ({ steps, era }: Transcript): readonly Subject<Answered>[] =>
  answered(steps.values()).filter(({ value }) => {
    const { id, rpc } = value.exchanged.sent;
    return id !== undefined && !(era === 'modern' && rpc === 'initialize');
  });

/** Answers to requests that hold a JSON-RPC response, by whatever id. */
export function responses(transcript: Transcript): readonly Subject<JsonObject>[] {
  return answersToRequests(transcript).flatMap(({ name, value }) =>
    value.answer.messages
      .filter(isObject)
      .filter(isResponse)
      .map((response) => ({ name, value: response })),
  );
}

export function results(transcript: Transcript): readonly Subject<JsonObject>[] {
  return responses(transcript).flatMap(({ name, value: { result } }) =>
    isObject(result) ? [{ name, value: result }] : [],
  );
}

export function errors(transcript: Transcript): readonly Subject<JsonObject>[] {
  return responses(transcript).flatMap(({ name, value: { error } }) =>
    isObject(error) ? [{ name, value: error }] : [],
  );
}

/** Answers to requests that are event streams. */
export const streams = (transcript: Transcript): readonly Subject<Answered>[] =>
  answersToRequests(transcript).filter(({ value }) => value.answer.mediaType === 'text/event-stream');

/** Results of lists that were answered, page by page. */
export function pages(
  { lists }: Transcript,
  kinds: readonly ListKind[] = listKinds,
): readonly Subject<JsonObject>[] {
  return kinds.flatMap((kind) =>
    lists[kind].pages.flatMap((page) => {
      const result = resultIn(page);
      return result ? [{ name: page.sent.step, value: result }] : [];
    }),
  );
}

const KEYS = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate' } as const;

/** Items of a list that are objects, under their names. */
export function itemsOf({ lists }: Transcript, kind: ListKind): readonly Subject<JsonObject>[] {
  return lists[kind].items.flatMap((value, index) => {
    if (!isObject(value)) return [];
    const name = value[KEYS[kind]];
    return [{ name: typeof name === 'string' && name !== '' ? name : `${kind}[${index}]`, value }];
  });
}

export const allItems = (transcript: Transcript): readonly Subject<JsonObject>[] =>
  listKinds.flatMap((kind) => itemsOf(transcript, kind));

/** Judges one step by its answer; where it was not tried, or not answered, it does not apply. */
export function step(
  { steps }: Transcript,
  name: string,
  judge: (answer: Answer, exchanged: Exchanged) => Judgement,
): Judgement {
  const exchanged = steps.get(name);
  if (!exchanged) return notApplicable('it was not tried on this server');
  if (!exchanged.answer) return notApplicable('it was not answered');
  return judge(exchanged.answer, exchanged);
}

/** Passes where the server refused a step with one of these error codes. */
export function refusedWith(transcript: Transcript, name: string, codes: readonly number[]): Judgement {
  return step(transcript, name, ({ status }, exchanged) => {
    const code = errorIn(exchanged)?.['code'];
    if (codes.some((wanted) => wanted === code)) return passed({ code });
    if (code !== undefined) return failed('it answered with another error code', { code, status });
    return failed(
      resultIn(exchanged) ? 'it answered as if all were well' : 'it answered with no JSON-RPC error',
      { status },
    );
  });
}

/** Passes where the answer to a step has one of these statuses. */
export const statusOf = (transcript: Transcript, name: string, ...wanted: readonly number[]): Judgement =>
  step(transcript, name, ({ status }) =>
    wanted.includes(status) ? passed({ status }) : failed(`it answered HTTP ${status}`, { status }),
  );

/** Passes where a step was refused in any way: by its status, or by a JSON-RPC error. */
export const refused = (transcript: Transcript, name: string): Judgement =>
  step(transcript, name, ({ status }, exchanged) =>
    status >= 400 || errorIn(exchanged)
      ? passed({ status })
      : failed(`it answered HTTP ${status} and no error`, { status }),
  );

export const isString = (value: unknown): value is string => typeof value === 'string';
export const isAbsentOr =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || is(value);
