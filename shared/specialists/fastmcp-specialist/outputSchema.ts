import { dereference, type Schema, type SchemaDraft, Validator } from '@cfworker/json-schema';
import { isPattern } from '../../gateway/protocol/compilable.ts';
import { isObject, type JsonObject } from '../../gateway/protocol/jsonRpc.ts';

const MAX_PROBLEMS = 5;
const MAX_PLACE = 200;

/** Problems name places in the schema, never content. Empty for a valid schema. */
type Problems = readonly string[];

const schemaMap = { type: 'object', additionalProperties: { $ref: '#' } };
const schemaList = { type: 'array', minItems: 1, items: { $ref: '#' } };
const schema = { $ref: '#' };
const natural = { type: 'integer', minimum: 0 };
const string = { type: 'string' };
const number = { type: 'number' };
const flag = { type: 'boolean' };
const names = { type: 'array', items: string, uniqueItems: true };
const typeName = { enum: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] };

/**
 * The values that keywords may have, for the vocabularies core, applicator, validation and unevaluated of JSON Schema 2020-12,
 * and for the keywords of draft 7 that were removed since. The published meta-schemas say the same in eight documents that
 * refer to each other by `$dynamicRef`, which not every validator supports.
 */
const metaSchema: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: ['object', 'boolean'],
  properties: {
    $id: string,
    $schema: string,
    $ref: string,
    $anchor: string,
    $dynamicRef: string,
    $dynamicAnchor: string,
    $comment: string,
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
    pattern: string,
    format: string,
    title: string,
    description: string,
    deprecated: flag,
    readOnly: flag,
    writeOnly: flag,
    examples: { type: 'array' },
  },
};

/**
 * Returns the problems that make an output schema unusable. Like `contentProblems` it may never return, since patterns and
 * recursive definitions can be built that way. Call both only in a thread that can be ended (`schemaWorker.ts`).
 */
export const schemaProblems = (schema: unknown): Problems =>
  readable(() => {
    const copy = structuredClone(schema);
    if (!isObject(copy)) return ['it is not an object'];
    const problems = distinct(
      mismatches(metaSchema, copy).map(
        ({ instance }) => `${instance}: the keyword does not allow this value`,
      ),
    );
    return problems.length > 0 ? problems : deepProblems(copy);
  });

/** Returns how structured content differs from its schema, which must be valid. */
export const contentProblems = (schema: JsonObject, content: unknown): Problems =>
  readable(() =>
    distinct(mismatches(structuredClone(schema), content).map(({ keyword }) => `${keyword} does not hold`)),
  );

/** Pass copies: the validator adds marks to its arguments. @throws for a reference to a missing schema */
function mismatches(
  schema: JsonObject,
  instance: unknown,
): readonly { readonly keyword: string; readonly instance: string }[] {
  const { errors } = new Validator(schema, draftOf(schema), false).validate(instance);
  // A keyword fails together with its subschemas: the innermost error names the place.
  const isOuter = (place: string) =>
    errors.some(({ keywordLocation }) => keywordLocation.startsWith(`${place}/`));
  return errors
    .filter(({ keywordLocation }) => !isOuter(keywordLocation))
    .map(({ keywordLocation, instanceLocation }) => ({
      keyword: keywordLocation.slice(0, MAX_PLACE),
      instance: instanceLocation.slice(0, MAX_PLACE),
    }));
}

/** Removes repetitions and keeps the first few. */
const distinct = (problems: readonly string[]): readonly string[] =>
  [...new Set(problems)].slice(0, MAX_PROBLEMS);

/** The default is 2020-12 (MCP 2025-11-25, basic, JSON Schema Usage). */
function draftOf({ $schema }: JsonObject): SchemaDraft {
  const named = typeof $schema === 'string' ? $schema : '';
  if (named.includes('draft-07')) return '7';
  return named.includes('2019-09') ? '2019-09' : '2020-12';
}

/** Returns references to missing schemas, and invalid patterns. */
function deepProblems(schema: JsonObject): readonly string[] {
  const known: Readonly<Record<string, Schema | boolean>> = dereference(schema);
  const problems: string[] = [];
  for (const part of Object.values(known)) {
    if (typeof part === 'boolean') continue;
    const { $ref, __absolute_ref__: target, pattern, patternProperties = {} } = part;
    if ($ref !== undefined && (target === undefined || known[target] === undefined))
      problems.push(`$ref "${$ref.slice(0, MAX_PLACE)}" refers to a missing schema`);
    for (const source of [...(pattern === undefined ? [] : [pattern]), ...Object.keys(patternProperties)])
      if (!isPattern(source)) problems.push(`"${source.slice(0, MAX_PLACE)}" is not a regular expression`);
  }
  return distinct(problems);
}

/** Turns an error of the validator into a problem. */
function readable(act: () => Problems): Problems {
  try {
    return act();
  } catch (error) {
    return [
      error instanceof RangeError
        ? 'it refers to itself without end'
        : 'the validator cannot read the schema',
    ];
  }
}
