import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { invalidBySchema } from '../../../shared/platform/base/result.ts';

const schema = z.strictObject({
  name: z.string().min(2).max(5).optional(),
  kind: z.enum(['a', 'b']).optional(),
  only: z.literal('x').optional(),
  count: z.int().min(1).max(9).optional(),
  ratio: z.number().gt(0).optional(),
  on: z.boolean().optional(),
  list: z.array(z.string()).min(1).max(2).optional(),
  map: z.record(z.string(), z.unknown()).optional(),
  at: z.iso.datetime({ offset: true }).optional(),
  id: z.guid().optional(),
  own: z.string({ error: 'must be the word of the schema' }).optional(),
});
const required = schema.required();

const problemsOf = (of: z.ZodType, input: unknown) => {
  const parsed = of.safeParse(input);
  return parsed.success ? [] : invalidBySchema(parsed.error, 'the body').error.errors;
};

test('every missing field reads "is required", whatever its type', () => {
  expect(problemsOf(required, { own: 'x' })).toEqual(
    Object.keys(schema.shape)
      .filter((path) => path !== 'own')
      .map((path) => ({ path, message: 'is required' })),
  );
});

describe('a wrong field says what is expected', () => {
  test.each<[string, unknown, string]>([
    ['name', 5, 'must be a string, not a number'],
    ['name', null, 'must be a string, not null'],
    ['name', ['a', 'b'], 'must be a string, not a list'],
    ['name', 'a', 'must have at least 2 characters'],
    ['name', 'abcdef', 'must have at most 5 characters'],
    ['kind', 'c', 'must be one of a, b'],
    ['kind', 1, 'must be one of a, b'],
    ['only', 'y', 'must be x'],
    ['count', '1', 'must be a number, not a string'],
    ['count', 1.5, 'must be a whole number'],
    ['count', 0, 'must be at least 1'],
    ['count', 10, 'must be at most 9'],
    ['ratio', 0, 'must be more than 0'],
    ['ratio', true, 'must be a number, not a boolean'],
    ['on', 'yes', 'must be true or false, not a string'],
    ['list', 'a', 'must be a list, not a string'],
    ['list', [], 'must have at least 1 item'],
    ['list', ['a', 'b', 'c'], 'must have at most 2 items'],
    ['map', [], 'must be an object, not a list'],
    ['at', 'yesterday', 'must be an ISO 8601 time, such as 2026-01-31T12:00:00Z'],
    ['id', 'me', 'must be a GUID'],
    ['own', 1, 'must be the word of the schema'],
    ['other', 1, 'there is no such field'],
  ])('%s: %j', (path, value, message) => {
    expect(problemsOf(schema, { [path]: value })).toEqual([{ path, message }]);
  });

  test('a key, at its path', () => {
    const keys = z.object({
      headers: z.record(
        z
          .string()
          .regex(/^[a-z]+$/, 'must be lower case')
          .max(5),
        z.string(),
      ),
    });
    expect(problemsOf(keys, { headers: { 'X-Long-1': '', ok: 1 } })).toEqual([
      { path: 'headers.X-Long-1', message: 'must be lower case' },
      { path: 'headers.X-Long-1', message: 'must have at most 5 characters' },
      { path: 'headers.ok', message: 'must be a string, not a number' },
    ]);
  });

  test('within a list, and for the whole input', () => {
    expect(problemsOf(schema, { list: ['a', 3] })).toEqual([
      { path: 'list.1', message: 'must be a string, not a number' },
    ]);
    expect(problemsOf(schema, [])).toEqual([{ path: '', message: 'must be an object, not a list' }]);
    expect(problemsOf(z.coerce.number(), 'ten')).toEqual([{ path: '', message: 'must be a number' }]);
  });
});
