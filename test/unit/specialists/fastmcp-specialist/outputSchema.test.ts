import { describe, expect, test } from 'vitest';
import { isObject } from '../../../../shared/gateway/protocol/jsonRpc.ts';
import { fail, succeed } from '../../../../shared/platform/base/result.ts';
import {
  contentProblems,
  schemaProblems,
} from '../../../../shared/specialists/fastmcp-specialist/outputSchema.ts';
import type { CheckSchema } from '../../../../shared/specialists/fastmcp-specialist/schemaChecker.ts';
import {
  contentFindings,
  schemaFindings,
} from '../../../../shared/specialists/fastmcp-specialist/structuredFindings.ts';
import { whyNot } from '../../../../shared/specialists/fastmcp-specialist/structuredResponses.ts';

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

describe('a sound output schema', () => {
  test.each<[string, object]>([
    ['of draft 2020-12', object({ a: { type: ['string', 'null'], minLength: 1 } }, { required: ['a'] })],
    ['with definitions', { ...object({ a: { $ref: '#/$defs/x' } }), $defs: { x: { type: 'integer' } } }],
    [
      'of draft 7, with a tuple',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        ...object({ a: { type: 'array', items: [{}, {}] } }),
      },
    ],
    ['that refers to itself', { ...object({ next: { $ref: '#' } }) }],
    [
      'with vendor keywords and booleans for schemas',
      object({ a: true, b: false }, { 'x-ui': { order: 1 } }),
    ],
    ['with a pattern', object({ a: { pattern: '^\\p{L}+$' } })],
  ])('%s has no problems', (_, schema) => {
    expect(schemaProblems(schema)).toEqual([]);
  });
});

describe('an output schema that is none', () => {
  test.each<[string, unknown]>([
    ['a list', []],
    ['an unknown type', object({ a: { type: 'number of things' } })],
    ['required that is no list', object({}, { required: 'a' })],
    ['properties that are a list', { type: 'object', properties: ['a'] }],
    ['an empty allOf', object({}, { allOf: [] })],
    ['a limit that is a word', object({ a: { minimum: 'low' } })],
    ['a reference that leads nowhere', object({ a: { $ref: '#/$defs/missing' } })],
    ['a reference to another host', object({ a: { $ref: 'https://schemas.example/x.json' } })],
    ['a pattern that is none', object({ a: { pattern: '(' } })],
  ])('is found: %s', (_, schema) => {
    expect(schemaProblems(schema)).toHaveLength(1);
  });
});

describe('content', () => {
  const schema = object(
    { count: { type: 'integer', minimum: 0 }, tags: { type: 'array', items: { type: 'string' } } },
    { required: ['count'], additionalProperties: false },
  );
  test.each<[string, unknown, boolean]>([
    ['that is as promised', { count: 3, tags: ['a'] }, true],
    ['of another type', { count: '3' }, false],
    ['with a fraction for an integer', { count: 1.5 }, false],
    ['that lacks what is required', { tags: [] }, false],
    ['with more than is allowed', { count: 1, other: 'SECRET' }, false],
    ['that is wrong deep inside', { count: 1, tags: ['a', 1] }, false],
    ['that is no object', ['SECRET'], false],
  ])('%s', (_, content, isFine) => {
    const problems = contentProblems(schema, content);
    expect(problems.length === 0).toBe(isFine);
    expect(JSON.stringify(problems)).not.toContain('SECRET');
  });

  test('is held to each branch and definition', () => {
    const either = object(
      { a: { oneOf: [{ type: 'string' }, { $ref: '#/$defs/n' }] } },
      { $defs: { n: { const: 1 } } },
    );
    expect(contentProblems(either, { a: 1 })).toEqual([]);
    expect(contentProblems(either, { a: 2 })).not.toEqual([]);
  });
});

test('a schema that refers to itself without end is a problem', () => {
  expect(contentProblems({ $ref: '#' }, {})).toEqual(['it refers to itself without end']);
});

describe('a result', () => {
  const tool = { name: 'count', outputSchema: object({ n: { type: 'integer' } }, { required: ['n'] }) };
  const check: CheckSchema = (schema, content) =>
    Promise.resolve(
      succeed(
        isObject(schema) && content !== undefined ? contentProblems(schema, content) : schemaProblems(schema),
      ),
    );
  const rules = async (result: object, held = check) => {
    const given = { kind: 'result', result: { content: [], ...result }, durationMs: 1 } as const;
    return (await contentFindings('a', tool, given, held)).map(({ rule, severity }) => `${rule}:${severity}`);
  };
  test.each<[object, readonly string[]]>([
    [{ structuredContent: { n: 1 } }, []],
    [{ structuredContent: { n: 'x' } }, ['structured_content_mismatch:critical']],
    [{}, ['structured_content_missing:critical']],
    [{ isError: true }, ['tool_error:info']],
    [{ resultType: 'input_required' }, ['tool_not_complete:info']],
  ])('%j is judged as %j', async (result, expected) => {
    expect(await rules(result)).toEqual(expected);
  });

  test('that could not be held to its schema in time is told as unchecked, and so is a schema', async () => {
    const ended: CheckSchema = () => Promise.resolve(fail({ kind: 'timeout', message: 'it took too long' }));
    expect(await rules({ structuredContent: {} }, ended)).toEqual(['structured_content_unchecked:warning']);
    const [finding] = await schemaFindings('a', 'modern', tool, ended);
    expect(finding).toMatchObject({
      rule: 'output_schema_unchecked',
      severity: 'warning',
      message: 'the output schema of "count" of the server "a" was not checked: it took too long',
      evidence: { kind: 'timeout' },
    });
    expect(whyNot({ tool, findings: finding ? [finding] : [] })).toContain('output schema');
  });

  test('of the legacy era has an object for a schema, or clients do not get to see that', async () => {
    const list = { name: 'list', outputSchema: { type: 'array' } };
    expect((await schemaFindings('a', 'legacy', list, check)).map(({ rule }) => rule)).toEqual([
      'output_schema_not_object',
    ]);
    expect(await schemaFindings('a', 'modern', list, check)).toEqual([]);
  });
});

test.each<[object, object, string | undefined]>([
  [{ annotations: { readOnlyHint: true } }, {}, undefined],
  [{ annotations: { readOnlyHint: true } }, { required: [] }, undefined],
  [{ annotations: { readOnlyHint: 'yes' } }, {}, 'only reads'],
  [{}, {}, 'only reads'],
  [{ annotations: { readOnlyHint: true } }, { required: ['a'] }, 'needs arguments'],
])('a tool with %j and the input %j is called, unless %s', (more, input, why) => {
  const tool = { name: 'a', inputSchema: { type: 'object', ...input }, ...more };
  const said = whyNot({ tool, findings: [] });
  if (why === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(why);
});
