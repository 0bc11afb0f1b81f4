import { z } from 'zod';
import { readUrl } from '../../platform/base/readUrl.ts';

/** A string of the document. Its problems say what to change, not what the parser expected. */
export const text = (): z.ZodString => z.string({ error: explain });

function explain(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : 'must be a string';
    case 'too_big':
      return `must be at most ${String(issue.maximum)} characters`;
    case 'too_small':
      return issue.minimum === 1
        ? 'must not be empty'
        : `must be at least ${String(issue.minimum)} characters`;
    default:
      return undefined;
  }
}

/** An absolute web address. Other schemes would run in a client that opens them. */
export const webUrl = (schemes: readonly ('https' | 'http')[] = ['https', 'http']): z.ZodType<string> =>
  text()
    .max(2048, { abort: true })
    .refine(
      (url) => !/\s/.test(url) && schemes.some((scheme) => readUrl(url)?.protocol === `${scheme}:`),
      `must be an absolute ${schemes.join(' or ')} URL`,
    );

export const flag = z.boolean({ error: 'must be true or false' });

export const listOf = <T>(item: z.ZodType<T>): z.ZodType<T[]> => z.array(item, { error: 'must be an array' });
