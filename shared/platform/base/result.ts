import type * as z from 'zod';
import type { DomainError, InputProblem } from './errors.ts';

import './inputErrors.ts';

/** An expected outcome: a value, or the reason why there is none. Unexpected errors are thrown. */
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;
export interface Failure {
  readonly ok: false;
  readonly error: DomainError;
}

export const succeed = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (error: DomainError): Failure => ({ ok: false, error });

/** Returns a failure with one problem of the input, at its path; `''` is the whole input. */
export function invalid(path: string, message: string): Failure {
  return fail({
    kind: 'invalid',
    message: path === '' ? message : `${path} ${message}`,
    errors: [{ path, message }],
  });
}

/**
 * Returns a failure with every problem that zod found. `what` names the input in the message. `within` is the path of the input
 * in what the caller sent.
 */
export function invalidBySchema(error: z.ZodError, what: string, within: readonly string[] = []): Failure {
  const errors = error.issues.flatMap((issue) => problemsOf(issue, within));
  return fail({ kind: 'invalid', message: `${what} is not valid: see errors`, errors });
}

/** For unknown fields zod gives the path of the object around them, so the path of each field is made here. */
function problemsOf(issue: z.core.$ZodIssue, within: readonly string[]): readonly InputProblem[] {
  const path = [...within, ...issue.path];
  // The problem of a key says what is wrong with it.
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({ path: path.join('.'), message }));
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'there is no such field' }))
    : [{ path: path.join('.'), message: issue.message }];
}
