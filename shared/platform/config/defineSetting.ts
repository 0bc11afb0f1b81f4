import * as z from 'zod';
import { parseJson } from '../base/json.ts';
import { invalidBySchema } from '../base/result.ts';
import type { Config } from './config.ts';

/** What is known of a setting beside the schema of its text. */
interface SettingFacts {
  /** `development only`: production refuses the setting with any value. */
  readonly required: 'yes' | 'no' | 'one of the two' | 'development only';
  /** One line of Markdown for `docs/configuration.md`. */
  readonly doc: string;
  /** Values that production refuses: their pattern, and the reason. */
  readonly developmentValue?: readonly [pattern: RegExp, reason: string];
  /** Returns the parts of the value that no log may show. */
  readonly secretsIn?: (config: Config) => readonly string[];
  /** Returns the value as the apps understand it, without keys and passwords. Two apps agree when it is equal in both. */
  readonly comparable: (config: Config) => unknown;
  /** The effect of different values in the two apps. Absent where the values are meant to differ. */
  readonly ifDifferent?: Difference;
}

interface Difference {
  readonly severity: 'critical' | 'warning';
  readonly effect: string;
}
export const critical = (effect: string): Difference => ({ severity: 'critical', effect });
export const warning = (effect: string): Difference => ({ severity: 'warning', effect });

export const setting = <S extends z.ZodType>(
  facts: SettingFacts,
  schema: S,
): SettingFacts & { readonly schema: S } => ({
  ...facts,
  schema,
});

/** A setting that holds items, separated by commas or white space. */
export const list = <T extends z.ZodType<string, string>>(item: T): z.ZodType<z.output<T>[], string> =>
  z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ''))
    .pipe(z.array(item));

/** A setting in JSON. Its problems name each wrong field, or give an example, and never show a value. */
export const json = <T>(schema: z.ZodType<T>, example: string): z.ZodType<T, string> =>
  z.string().transform((text, context): T => {
    const value = parseJson(text);
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const problems = value === undefined ? [] : (invalidBySchema(parsed.error, '').error.errors ?? []);
    const shown = problems.map(({ path, message }) => `${shownPath(path)} ${message}`);
    for (const message of new Set(shown)) context.addIssue({ code: 'custom', message });
    if (problems.length === 0)
      context.addIssue({ code: 'custom', message: `must be JSON such as ${example}` });
    return z.NEVER;
  });

/**
 * Somebody may write a value in the place of a name. So only a path that has the form of names is shown. Keys and tokens are long
 * and have digits, which few names do.
 */
const shownPath = (path: string): string =>
  path === '' ? 'the JSON' : path.split('.').every(isShown) ? path : 'a part of the JSON';
const isShown = (name: string): boolean =>
  /^[\w-]{1,60}$/.test(name) && !(name.length > 15 && /\d/.test(name));
