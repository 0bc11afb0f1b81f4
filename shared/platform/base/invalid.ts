import type { z } from 'zod';
import type { InputProblem } from './errors.ts';
import { type Failure, fail } from './result.ts';

/** One thing that is wrong with the input, by its path. */
export function invalid(path: string, message: string): Failure {
  return fail({ kind: 'invalid', message: `${path} ${message}`, errors: [{ path, message }] });
}

/** All that zod found wrong. `what` names the input in the message, `within` is where it stands in the caller's. */
export function invalidBySchema(error: z.ZodError, what: string, within: readonly string[] = []): Failure {
  const errors = error.issues.flatMap((issue) => problemsOf(issue, within));
  return fail({ kind: 'invalid', message: `${what} is not valid: see errors`, errors });
}

/** Zod names fields that there are not at the object around them. */
function problemsOf(issue: z.core.$ZodIssue, within: readonly string[]): readonly InputProblem[] {
  const path = [...within, ...issue.path];
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'there is no such field' }))
    : [{ path: path.join('.'), message: issue.message }];
}
