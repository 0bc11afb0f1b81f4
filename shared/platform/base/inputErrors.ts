import * as z from 'zod';

/** How an error names a type of JSON. */
const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
};

const formatNames: Readonly<Record<string, string>> = {
  datetime: 'an ISO 8601 time, such as 2026-01-31T12:00:00Z',
  guid: 'a GUID',
  uuid: 'a UUID',
  url: 'a URL',
};

/** Units of a length, by what has it. */
const units: Readonly<Record<string, string>> = { string: ' character', array: ' item', set: ' item' };

/** Returns what the input is instead, or nothing where that says no more than what was expected. */
function insteadOf(expected: string, input: unknown): string {
  const actual = Array.isArray(input) ? 'array' : input === null ? 'null' : typeof input;
  const isSameFamily = actual === expected || (expected === 'int' && actual === 'number');
  const name = isSameFamily ? undefined : typeNames[actual];
  return name === undefined ? '' : `, not ${actual === 'boolean' ? 'a boolean' : name}`;
}

/** Returns the message for an issue of an input, or `undefined` for those that zod words itself. */
function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
  // A field that is missing is one of the wrong type or value to zod.
  if (issue.input === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value'))
    return 'is required';
  switch (issue.code) {
    case 'invalid_type': {
      const expected = String(issue.expected);
      return `must be ${typeNames[expected] ?? `of the type ${expected}`}${insteadOf(expected, issue.input)}`;
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      return values.length === 1 ? `must be ${values.join()}` : `must be one of ${values.join(', ')}`;
    }
    case 'invalid_format': {
      const format = formatNames[issue.format];
      return format === undefined ? undefined : `must be ${format}`;
    }
    case 'too_small':
      return bound('at least', 'more than', issue.minimum, issue);
    case 'too_big':
      return bound('at most', 'less than', issue.maximum, issue);
    default:
      return undefined;
  }
}

function bound(
  inclusive: string,
  exclusive: string,
  limit: number | bigint,
  { origin, inclusive: isInclusive }: { readonly origin: string; readonly inclusive?: boolean | undefined },
): string {
  const unit = units[origin];
  const few = `${isInclusive === false ? exclusive : inclusive} ${limit}`;
  return unit === undefined ? `must be ${few}` : `must have ${few}${unit}${Number(limit) === 1 ? '' : 's'}`;
}

/**
 * Words the issues of every schema that gives no text of its own: an error says what is required. It applies to the whole process,
 * because all schemas share it.
 */
z.config({ customError: messageOf });
