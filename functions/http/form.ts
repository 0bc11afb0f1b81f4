import * as z from 'zod';
import { invalid, type Result, succeed } from '../../shared/platform/base/result.ts';

/** The fields of a form. */
export type Form = Readonly<Record<string, string>>;

/**
 * Returns the parameters of a query. A parameter without a value counts as absent, and a repeated one is rejected (RFC 6749,
 * section 3.1).
 */
export function fieldsOf(query: URLSearchParams): Result<Form> {
  const fields = new Map<string, string>();
  for (const [name, value] of query) {
    if (value === '') continue;
    if (fields.has(name)) return invalid(name, 'must not be repeated');
    fields.set(name, value);
  }
  return succeed(Object.fromEntries(fields));
}

/** Parses a body of `application/x-www-form-urlencoded`, as `fieldsOf` does a query. */
const parseForm = (bytes: Uint8Array): Result<Form> =>
  fieldsOf(new URLSearchParams(Buffer.from(bytes).toString('utf8')));

/** What a route that takes a form has beside its handler. */
export const takesForm = { body: z.record(z.string(), z.string()), parseBytes: parseForm };
