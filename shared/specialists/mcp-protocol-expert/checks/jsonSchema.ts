import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { readUrl } from '../../../platform/base/readUrl.ts';

const types: readonly unknown[] = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];
const isSchema = (value: unknown): boolean => isObject(value) || typeof value === 'boolean';
const isText = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isList = (of: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(of);
const isMap = (of: (value: unknown) => boolean) => (value: unknown) =>
  isObject(value) && Object.values(value).every(of);
const isType = (value: unknown): boolean =>
  types.includes(value) || (isList((one) => types.includes(one))(value) && (value as unknown[]).length > 0);

/**
 * What a keyword's value has to be, in every dialect that is in use (JSON Schema 2020-12, core and validation). Keywords that
 * differ between dialects, and unknown ones, are left alone.
 */
const keywords: Readonly<Record<string, (value: unknown) => boolean>> = {
  $schema: isText,
  $id: isText,
  $ref: isText,
  $defs: isMap(isSchema),
  definitions: isMap(isSchema),
  type: isType,
  enum: Array.isArray,
  properties: isMap(isSchema),
  patternProperties: isMap(isSchema),
  additionalProperties: isSchema,
  propertyNames: isSchema,
  required: isList(isText),
  allOf: isList(isSchema),
  anyOf: isList(isSchema),
  oneOf: isList(isSchema),
  not: isSchema,
  if: isSchema,
  then: isSchema,
  else: isSchema,
  contains: isSchema,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  minimum: isNumber,
  maximum: isNumber,
  multipleOf: isNumber,
  pattern: isText,
  format: isText,
  title: isText,
  description: isText,
  uniqueItems: isFlag,
  readOnly: isFlag,
  writeOnly: isFlag,
};
const holdsMap = new Set(['$defs', 'definitions', 'properties', 'patternProperties', 'dependentSchemas']);
const holdsSchema = new Set([
  ...['additionalProperties', 'propertyNames', 'items', 'prefixItems', 'allOf', 'anyOf', 'oneOf', 'not'],
  ...['if', 'then', 'else', 'contains', 'unevaluatedProperties', 'unevaluatedItems'],
]);

interface Place {
  readonly path: string;
  readonly schema: JsonObject;
}

/** The gateway keeps no tool whose definition has more keys. */
const MAX_SCHEMAS = 10_000;

/** The schemas within a schema, itself first, up to a bound. Walks without recursion. */
function* within(root: JsonObject): Generator<Place, void, undefined> {
  const left: Place[] = [{ path: '', schema: root }];
  let count = 0;
  for (let place = left.pop(); place && count < MAX_SCHEMAS; place = left.pop()) {
    count += 1;
    yield place;
    const add = (path: string, value: unknown) => {
      if (isObject(value)) left.push({ path, schema: value });
    };
    for (const [key, value] of Object.entries(place.schema)) {
      const path = `${place.path}/${key}`;
      if (holdsMap.has(key) && isObject(value))
        for (const [name, child] of Object.entries(value)) add(`${path}/${name}`, child);
      else if (holdsSchema.has(key))
        for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) add(path, child);
    }
  }
}

/** Where a schema is not a valid JSON Schema: the path of the first keyword whose value cannot be one; undefined where none is. */
export function wrongKeyword(root: JsonObject): string | undefined {
  for (const { path, schema } of within(root)) {
    const wrong = Object.entries(schema).find(
      ([key, value]) => Object.hasOwn(keywords, key) && keywords[key]?.(value) === false,
    );
    if (wrong) return `${path}/${wrong[0]}`;
  }
  return undefined;
}

/** The path of the first reference that leads out of the schema. */
export function foreignReference(root: JsonObject): string | undefined {
  for (const { path, schema } of within(root)) {
    const { $ref } = schema;
    if (typeof $ref === 'string' && readUrl($ref)) return `${path}/$ref`;
  }
  return undefined;
}
