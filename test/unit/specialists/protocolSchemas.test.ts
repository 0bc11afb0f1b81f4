import { describe, expect, test } from 'vitest';
import {
  foreignReference,
  wrongKeyword,
} from '../../../shared/specialists/mcp-protocol-expert/checks/jsonSchema.ts';
import { isMetaKey, isReservedKey } from '../../../shared/specialists/mcp-protocol-expert/checks/metadata.ts';

describe('a JSON Schema', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ type: 'object', properties: { a: true, b: { type: ['string', 'null'] } } }, 'booleans are schemas'],
    [
      { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }] },
      'draft 7 has arrays of items',
    ],
    [{ exclusiveMinimum: true }, 'draft 4 has a flag here'],
    [
      { properties: { type: { type: 'string' }, required: { type: 'boolean' } } },
      'names of properties are no keywords',
    ],
    [{ default: { type: 'text' }, const: { required: 1 }, examples: [{ type: 7 }] }, 'data is no schema'],
    [{ 'x-own': { type: 7 }, type: 'object' }, 'unknown keywords are left alone'],
  ])('is valid: %j, since %s', (schema) => {
    expect(wrongKeyword(schema)).toBeUndefined();
  });

  test.each([
    [{ type: 'text' }, '/type'],
    [{ type: [] }, '/type'],
    [{ properties: [] }, '/properties'],
    [{ properties: { a: null } }, '/properties'],
    [{ required: true }, '/required'],
    [{ properties: { a: { anyOf: [{ minLength: -1 }] } } }, '/properties/a/anyOf/minLength'],
    [{ $defs: { a: { enum: 'b' } } }, '/$defs/a/enum'],
    [{ additionalProperties: { pattern: 7 } }, '/additionalProperties/pattern'],
  ])('is not valid: %j at %s', (schema, path) => {
    expect(wrongKeyword(schema)).toBe(path);
  });

  test('nested to the bound of an answer is walked without end of the stack', () => {
    let schema: Record<string, unknown> = { type: 'text' };
    for (let depth = 0; depth < 250; depth++) schema = { not: schema };
    expect(wrongKeyword(schema)).toContain('/not/type');
  });

  test.each([
    [{ $ref: '#/$defs/a' }, undefined],
    [{ $ref: 'a.json' }, undefined],
    [{ properties: { a: { $ref: 'https://a.example/b' } } }, '/properties/a/$ref'],
  ])('refers elsewhere: %j', (schema, path) => {
    expect(foreignReference(schema)).toBe(path);
  });
});

describe('a key of _meta', () => {
  test.each(['a', 'a_b.c-d', 'com.example/a', 'com.example/', '', 'x-1.y/z9', 'progressToken'])(
    'has its form: "%s"',
    (key) => {
      expect(isMetaKey(key)).toBe(true);
    },
  );
  test.each(['a b', '_a', 'a-', '1com/a', 'com.-x/a', 'com..x/a', '/a', 'a/b/c', 'com.example/a b'])(
    'has another form: "%s"',
    (key) => {
      expect(isMetaKey(key)).toBe(false);
    },
  );
  test.each([
    ['io.modelcontextprotocol/serverInfo', false],
    ['io.modelcontextprotocol/own', true],
    ['dev.mcp/a', true],
    ['org.modelcontextprotocol.api/a', true],
    ['com.example.mcp/a', false],
    ['mcp/a', false],
  ])('is kept for MCP and not defined: %s, %s', (key, reserved) => {
    expect(isReservedKey(key)).toBe(reserved);
  });
});
