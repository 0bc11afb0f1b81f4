import * as z from 'zod';
import { readUrl } from '../../platform/base/readUrl.ts';

/** A string of the document. Its messages say what to change. */
export const text = (): z.ZodString => z.string({ error: explain });

function explain(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : 'must be a string';
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

/** An absolute web address. A client that opens another scheme might run code. */
export const webUrl = (schemes: readonly ('https' | 'http')[] = ['https', 'http']): z.ZodType<string> =>
  text()
    .max(2048, { abort: true })
    .refine(
      (url) => !/\s/.test(url) && schemes.some((scheme) => readUrl(url)?.protocol === `${scheme}:`),
      `must be an absolute ${schemes.join(' or ')} URL`,
    );

export const flag = z.boolean({ error: 'must be true or false' });

export const listOf = <T>(item: z.ZodType<T>): z.ZodType<T[]> => z.array(item, { error: 'must be an array' });

const number = String.raw`v?\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.-]+)?`;

/** Forms of a version range: a comparator, two ends, alternatives, a wildcard in a dotted version. */
const ranges = [
  new RegExp(String.raw`^(?:\^|~|>=|<=|>|<|=)\s*v?(?:\d|x|\*)`, 'i'),
  new RegExp(String.raw`^${number}\s+-\s*${number}$`),
  new RegExp(String.raw`^${number}\s*(?:\|\|\s*${number}\s*)+$`),
  /^(?=.*[x*])(?:v?\d+|x|\*)(?:\.(?:\d+|x|\*)){1,2}(?:-[0-9a-z.-]+)?$/i,
  /^[x*]$/i,
  /\s(?:\^|~|>=|<=|>|<)\s*v?\d/,
];

/** One specific version: neither a range nor `latest`. */
export const specificVersion: z.ZodType<string> = text()
  .min(1)
  .max(255)
  .refine(
    (version) => version.isWellFormed() && version.trim() === version && !/\p{Cc}/u.test(version),
    'must be plain text without spaces around it',
  )
  // URL paths drop segments that are only dots.
  .refine((version) => !/^\.{1,2}$/.test(version), 'must be more than dots')
  .refine((version) => version.toLowerCase() !== 'latest', 'must be a specific version: "latest" is reserved')
  .refine(
    (version) => !ranges.some((range) => range.test(version)),
    'must be a specific version, not a range',
  );
