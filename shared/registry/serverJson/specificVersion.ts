import type { z } from 'zod';
import { text } from './text.ts';

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
