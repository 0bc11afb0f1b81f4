import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import type { Era } from '../../../registry/records/era.ts';
import type { Finding } from '../../finding.ts';
import { type Answer, type Exchanged, isResponse } from '../transcript/exchange.ts';
import { errorIn, type ListKind, listKinds, resultIn, type Transcript } from '../transcript/transcript.ts';

/** The outcome of a check. Evidence holds names and figures, never text of the server. */
export type Judgement =
  | { readonly outcome: 'passed'; readonly evidence?: Readonly<Record<string, unknown>> }
  | {
      readonly outcome: 'failed';
      /** What the server did, in a few words. */
      readonly saw: string;
      readonly evidence: Readonly<Record<string, unknown>>;
    }
  | { readonly outcome: 'not_applicable'; readonly why: string };

/** Checks a transcript. Pure. */
export type Judge = (transcript: Transcript) => Judgement;

/** Pages of the specification, by the era that they are about: revision, page and section, as in the specification's URLs. */
export type Citation = Readonly<Partial<Record<Era, string>>>;

/** One requirement of the specification, and how a transcript is checked for it. */
export interface Check {
  /** Stable, in snake_case. */
  readonly id: string;
  /** An era without a citation does not have the requirement. */
  readonly spec: Citation;
  /** The first legacy version that has the requirement; all have it when absent. */
  readonly since?: string;
  /** The last legacy version that has it. */
  readonly until?: string;
  /** `critical` for a MUST, `warning` for a SHOULD, `info` for what the specification leaves open. */
  readonly severity: Finding['severity'];
  /** What a server must do. */
  readonly requires: string;
  /** What to do where the server does not do it. */
  readonly remedy: string;
  readonly judge: Judge;
}

// The revisions whose text the checks cite. A later revision that keeps a requirement needs no change here.
export const legacy = (page: string): { readonly legacy: string } => ({ legacy: `2025-11-25/${page}` });
export const modern = (page: string): { readonly modern: string } => ({ modern: `2026-07-28/${page}` });
/** Cites a page of the same address in both eras. */
export const both = (page: string): Citation => ({ ...legacy(page), ...modern(page) });

export const passed = (evidence?: Readonly<Record<string, unknown>>): Judgement => ({
  outcome: 'passed',
  ...(evidence && { evidence }),
});
export const failed = (saw: string, evidence: Readonly<Record<string, unknown>> = {}): Judgement => ({
  outcome: 'failed',
  saw,
  evidence,
});
export const notApplicable = (why: string): Judgement => ({ outcome: 'not_applicable', why });

/** One of several things that a check applies to, with its name for the evidence. */
export interface Subject<T> {
  readonly name: string;
  readonly value: T;
}
export type Select<T> = (transcript: Transcript) => readonly Subject<T>[];

const MAX_NAMED = 5;
const MAX_NAME_LENGTH = 80;

/** Passes where `wrong` returns undefined for every subject. Does not apply where there are none: `none` says why. */
export const each =
  <T>(
    select: Select<T>,
    none: string,
    wrong: (value: T, transcript: Transcript, name: string) => string | undefined,
  ): Judge =>
  (transcript) => {
    const subjects = select(transcript);
    if (subjects.length === 0) return notApplicable(none);
    const faults = subjects.flatMap(({ name, value }) => {
      const what = wrong(value, transcript, name);
      return what === undefined ? [] : [{ name: name.slice(0, MAX_NAME_LENGTH), what }];
    });
    const [worst] = faults;
    if (!worst) return passed({ looked: subjects.length });
    return failed(`${worst.name}: ${worst.what}`, {
      looked: subjects.length,
      failed: faults.length,
      where: faults.slice(0, MAX_NAMED).map(({ name, what }) => `${name}: ${what}`),
    });
  };

/** Passes where no two subjects have the same text under the key. */
export const unique =
  (select: Select<JsonObject>, key: string, none: string): Judge =>
  (transcript) => {
    const subjects = select(transcript);
    if (subjects.length === 0) return notApplicable(none);
    const seen = new Set<string>();
    const again = new Set<string>();
    for (const value of subjects.map((subject) => subject.value[key]).filter(isString))
      (seen.has(value) ? again : seen).add(value);
    if (again.size === 0) return passed({ looked: subjects.length });
    const where = [...again].slice(0, MAX_NAMED).map((value) => value.slice(0, MAX_NAME_LENGTH));
    return failed(`${where.join(', ')} ${again.size === 1 ? 'is' : 'are'} listed more than once`, { where });
  };

/** Checks the answer to one step. Does not apply where the step was not sent or not answered. */
export const step =
  (name: string, judge: (answer: Answer, exchanged: Exchanged) => Judgement): Judge =>
  ({ steps }) => {
    const exchanged = steps.get(name);
    if (!exchanged) return notApplicable('it was not tried on this server');
    if (!exchanged.answer) return notApplicable('it was not answered');
    return judge(exchanged.answer, exchanged);
  };

/** Passes where the server refused a step with this error code. */
export const refusesWith = (name: string, wanted: number): Judge =>
  step(name, ({ status }, exchanged) => {
    const code = errorIn(exchanged)?.['code'];
    if (code === wanted) return passed({ code });
    if (code !== undefined) return failed('it answered with another error code', { code, status });
    return failed(
      resultIn(exchanged)
        ? 'it answered as if the request were valid'
        : 'it answered without a JSON-RPC error',
      { status },
    );
  });

/** Passes where the answer to a step has one of these statuses. */
export const answersStatus = (name: string, ...wanted: readonly number[]): Judge =>
  step(name, ({ status }) =>
    wanted.includes(status) ? passed({ status }) : failed(`it answered HTTP ${status}`, { status }),
  );

/** Passes where a step was refused, by its status or by a JSON-RPC error. */
export const refuses = (name: string): Judge =>
  step(name, ({ status }, exchanged) =>
    status >= 400 || errorIn(exchanged)
      ? passed({ status })
      : failed(`it answered HTTP ${status} and no error`, { status }),
  );

/** An exchange that was answered. */
export interface Answered {
  readonly exchanged: Exchanged;
  readonly answer: Answer;
}

/** Selects the answers to requests, of any status. Leaves out what a modern server answers to a legacy `initialize`. */
export const answersToRequests: Select<Answered> = ({ steps, era }) =>
  [...steps.values()].flatMap((exchanged) => {
    const { answer, sent } = exchanged;
    if (!answer || sent.id === undefined || (era === 'modern' && sent.rpc === 'initialize')) return [];
    return [{ name: sent.step, value: { exchanged, answer } }];
  });

/** Selects the answers to requests for which the condition holds. */
export const answersWhere =
  (holds: (answered: Answered) => boolean): Select<Answered> =>
  (transcript) =>
    answersToRequests(transcript).filter(({ value }) => holds(value));

/** Selects the answers to requests that are event streams. */
export const streams = answersWhere(({ answer }) => answer.mediaType === 'text/event-stream');

/** Selects the objects among the messages in answers to requests. */
export const messages: Select<JsonObject> = (transcript) =>
  answersToRequests(transcript).flatMap(({ name, value }) =>
    value.answer.messages.filter(isObject).map((message) => ({ name, value: message })),
  );

/** Selects the JSON-RPC responses in answers to requests, of any id. */
export const responses: Select<JsonObject> = (transcript) =>
  messages(transcript).filter(({ value }) => isResponse(value));

const inResponses =
  (key: 'result' | 'error'): Select<JsonObject> =>
  (transcript) =>
    responses(transcript).flatMap(({ name, value: { [key]: value } }) =>
      isObject(value) ? [{ name, value }] : [],
    );
export const results = inResponses('result');
export const errors = inResponses('error');

/** Returns the results of lists, page by page. */
export const pagesOf = ({ lists }: Transcript, kind: ListKind): readonly Subject<JsonObject>[] =>
  lists[kind].pages.flatMap((page) => {
    const result = resultIn(page);
    return result ? [{ name: page.sent.step, value: result }] : [];
  });
export const pages: Select<JsonObject> = (transcript) =>
  listKinds.flatMap((kind) => pagesOf(transcript, kind));

const KEYS = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate' } as const;

/** Selects the items of these lists that are objects, under their names. */
export const items =
  (...kinds: readonly ListKind[]): Select<JsonObject> =>
  ({ lists }) =>
    kinds.flatMap((kind) =>
      lists[kind].items.flatMap((value, index) => {
        if (!isObject(value)) return [];
        const name = value[KEYS[kind]];
        return [{ name: typeof name === 'string' && name !== '' ? name : `${kind}[${index}]`, value }];
      }),
    );
export const allItems = items(...listKinds);

/** Selects the subjects that have the key. */
export const having =
  (key: string, ...selects: readonly Select<JsonObject>[]): Select<JsonObject> =>
  (transcript) =>
    selects.flatMap((select) => select(transcript)).filter(({ value }) => key in value);

export const isString = (value: unknown): value is string => typeof value === 'string';
export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isAbsentOr =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || is(value);
