import type { JsonObject } from '../../gateway/protocol/jsonRpc.ts';

const schemaMap = { type: 'object', additionalProperties: { $ref: '#' } };
const schemaList = { type: 'array', minItems: 1, items: { $ref: '#' } };
const schema = { $ref: '#' };
const natural = { type: 'integer', minimum: 0 };
const text = { type: 'string' };
const number = { type: 'number' };
const flag = { type: 'boolean' };
const names = { type: 'array', items: text, uniqueItems: true };
const typeName = { enum: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] };

/**
 * What the values of keywords must be, of the vocabularies core, applicator, validation and unevaluated of JSON Schema
 * 2020-12, with those of draft 7 that have gone since. The published meta-schemas say the same in eight documents that refer
 * to each other by `$dynamicRef`, which not every validator follows.
 */
export const metaSchema: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: ['object', 'boolean'],
  properties: {
    $id: text,
    $schema: text,
    $ref: text,
    $anchor: text,
    $dynamicRef: text,
    $dynamicAnchor: text,
    $comment: text,
    $defs: schemaMap,
    definitions: schemaMap,
    type: { anyOf: [typeName, { type: 'array', minItems: 1, uniqueItems: true, items: typeName }] },
    enum: { type: 'array' },
    properties: schemaMap,
    patternProperties: schemaMap,
    additionalProperties: schema,
    unevaluatedProperties: schema,
    propertyNames: schema,
    required: names,
    dependentRequired: { type: 'object', additionalProperties: names },
    dependentSchemas: schemaMap,
    dependencies: { type: 'object', additionalProperties: { anyOf: [names, schema] } },
    minProperties: natural,
    maxProperties: natural,
    prefixItems: schemaList,
    items: { anyOf: [schema, schemaList] },
    additionalItems: schema,
    unevaluatedItems: schema,
    contains: schema,
    minContains: natural,
    maxContains: natural,
    minItems: natural,
    maxItems: natural,
    uniqueItems: flag,
    allOf: schemaList,
    anyOf: schemaList,
    oneOf: schemaList,
    not: schema,
    if: schema,
    then: schema,
    else: schema,
    multipleOf: { type: 'number', exclusiveMinimum: 0 },
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    minLength: natural,
    maxLength: natural,
    pattern: text,
    format: text,
    title: text,
    description: text,
    deprecated: flag,
    readOnly: flag,
    writeOnly: flag,
    examples: { type: 'array' },
  },
};
