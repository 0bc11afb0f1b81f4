import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { expect, test } from 'vitest';
import { isCompilable } from '../../../shared/gateway/protocol/compilable.ts';

/** Whether the v1 SDK compiles the schema, as its clients do for each output schema of a list. */
function compiles(schema: Readonly<Record<string, unknown>>): boolean {
  try {
    new AjvJsonSchemaValidator().getValidator(schema);
    return true;
  } catch {
    return false;
  }
}
const of = (property: unknown) => ({ type: 'object', properties: { a: property } });

test.each<[Readonly<Record<string, unknown>>, boolean]>([
  [of({ type: 'string', pattern: '^a+$', minLength: 1 }), true],
  [of({ type: ['string', 'null'], enum: ['a', null] }), true],
  [of({ $ref: '#/$defs/b' }), false],
  [{ ...of({ $ref: '#/$defs/b' }), $defs: { b: { type: 'string' } } }, true],
  [{ ...of({ $ref: '#' }) }, true],
  [{ ...of({ $ref: '#/$defs/b' }), $defs: { b: { $ref: '#/$defs/b' } } }, false],
  [of({ $ref: 'https://elsewhere.example/schema' }), false],
  [of({ type: 'Date' }), false],
  [of({ type: 'string', pattern: '(?i)a' }), false],
  [of({ type: 'string', pattern: '(?P<n>a)' }), false],
  [of({ type: 'number', exclusiveMinimum: true }), false],
  [of({ type: 'string', minLength: '3' }), false],
  [of({ enum: 'a' }), false],
  [of({ anyOf: {} }), false],
  [of({ anyOf: [{ type: 'string' }, { type: 'Date' }] }), false],
  [{ type: 'object', properties: { a: { properties: [1] } } }, false],
  [{ type: 'object', additionalProperties: false, required: ['a'] }, true],
])('%j', (schema, expected) => {
  expect(isCompilable(schema)).toBe(expected);
  // What is refused here, the SDK refuses; but for a circle of references, which it calls without an end.
  const isCircle = JSON.stringify(schema).includes('"b":{"$ref":"#/$defs/b"');
  if (!isCircle) expect(compiles(schema)).toBe(expected);
});
