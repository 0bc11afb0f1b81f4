import { invalid, type Result, succeed } from '../../shared/platform/base/result.ts';

/** The fields of a form. */
export type Form = Readonly<Record<string, string>>;

/**
 * Parses a body of `application/x-www-form-urlencoded`. A field without a value counts as absent, and a repeated field is
 * rejected (RFC 6749, section 3.1).
 */
export function parseForm(bytes: Uint8Array): Result<Form> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(Buffer.from(bytes).toString('utf8'))) {
    if (value === '') continue;
    if (fields.has(name)) return invalid(name, 'must not be repeated');
    fields.set(name, value);
  }
  return succeed(Object.fromEntries(fields));
}
