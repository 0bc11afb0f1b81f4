import type { Era } from '../../../registry/records/era.ts';
import type { Finding } from '../../finding.ts';
import type { Transcript } from '../transcript/transcript.ts';

/** What a check came to. Evidence is names and figures, never what a server sent as text. */
export type Judgement =
  | { readonly outcome: 'passed'; readonly evidence?: Readonly<Record<string, unknown>> }
  | {
      readonly outcome: 'failed';
      /** What the server did, in a few words. */
      readonly saw: string;
      readonly evidence: Readonly<Record<string, unknown>>;
    }
  | { readonly outcome: 'not_applicable'; readonly why: string };

/** One requirement of the specification, and how a transcript is held against it. */
export interface Check {
  /** Stable, in snake_case. */
  readonly id: string;
  /** For each era that has the requirement: revision, page and section, as in the addresses of the specification. */
  readonly spec: Readonly<Partial<Record<Era, string>>>;
  /** First legacy version that has the requirement; the first of all when absent. */
  readonly since?: string;
  /** Last legacy version that has it. */
  readonly until?: string;
  /** `critical` for a MUST, `warning` for a SHOULD, `info` for what the specification leaves open. */
  readonly severity: Finding['severity'];
  /** What a server has to do. */
  readonly requires: string;
  /** What to do where it does not. */
  readonly remedy: string;
  /** Pure. */
  judge(transcript: Transcript): Judgement;
}

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

/** Things to be judged alike, each with a name for the evidence. */
export interface Subject<T> {
  readonly name: string;
  readonly value: T;
}

const MAX_NAMED = 5;
const MAX_NAME_LENGTH = 80;

/** Passes where nothing is wrong with any of the subjects; `wrong` says what is. Without subjects, `none` says why. */
export function each<T>(
  subjects: readonly Subject<T>[],
  none: string,
  wrong: (value: T, name: string) => string | undefined,
): Judgement {
  if (subjects.length === 0) return notApplicable(none);
  const faults = subjects.flatMap(({ name, value }) => {
    const what = wrong(value, name);
    return what === undefined ? [] : [{ name: name.slice(0, MAX_NAME_LENGTH), what }];
  });
  const [worst] = faults;
  if (!worst) return passed({ looked: subjects.length });
  return failed(`${worst.name}: ${worst.what}`, {
    looked: subjects.length,
    failed: faults.length,
    where: faults.slice(0, MAX_NAMED).map(({ name, what }) => `${name}: ${what}`),
  });
}
