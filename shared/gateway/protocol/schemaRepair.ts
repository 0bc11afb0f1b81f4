import { isExactNumber } from '../../platform/base/exactJson.ts';
import { isCompilable } from './compilable.ts';
import { isObject, type JsonObject } from './jsonRpc.ts';
import { ODD, type Read } from './repair.ts';

/** Returns the value of a keyword as JSON Schema wants it, `undefined` for an absent one. A value that is not plain stays. */
type Repair = (value: unknown) => unknown;

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const orAbsent = (value: unknown): unknown => value ?? undefined;
const typeNames = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']);

/** Some generators write the names of types in capitals. */
const typeName: Repair = (value) => {
  const name = typeof value === 'string' ? value.toLowerCase() : '';
  return typeNames.has(name) ? name : value;
};
const type: Repair = (value) => (Array.isArray(value) ? value.map(typeName) : orAbsent(typeName(value)));

/**
 * A flag, as of draft 3, belongs to the property above and says nothing here. A list that a serializer wrote as a map has its
 * positions as keys.
 */
const required: Repair = (value) => {
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'string') return [value];
  const names: unknown = isObject(value) ? Object.values(value) : value;
  return Array.isArray(names) ? names.filter((name) => name !== null) : value;
};

/** A schema below the top. `true`, null and an empty list allow everything. A word may name a type. */
const schema: Repair = (value) => {
  if (value === null || value === true || isEmptyList(value)) return {};
  if (value === false) return { not: {} };
  if (typeof value === 'string' && typeNames.has(value)) return { type: value };
  return isObject(value) ? repairSchema(value) : value;
};
/** A schema at a keyword where a flag is usual, such as `additionalProperties`. */
const schemaOrFlag: Repair = (value) =>
  typeof value === 'boolean' ? value : orAbsent(value) && schema(value);
const schemas: Repair = (value) => (Array.isArray(value) ? value.map(schemaOrFlag) : orAbsent(value));
/** Until draft 2019-09, `items` may be a list of schemas. */
const items: Repair = (value) =>
  Array.isArray(value) && value.length > 0 ? schemas(value) : schemaOrFlag(value);
const schemaMap: Repair = (value) => {
  if (isEmptyList(value)) return {};
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, schema(one)]))
    : orAbsent(value);
};

/**
 * The keywords of JSON Schema whose odd forms make clients, or the APIs of models, reject a tool and all others with it. Null is
 * a value for `default`, `const` and `enum`, and says "absent" for these.
 */
const keywords: ReadonlyMap<string, Repair> = new Map([
  ['type', type],
  ['required', required],
  ['items', items],
  ...entries(schemaMap, 'properties patternProperties $defs definitions dependentSchemas'),
  ...entries(schemas, 'allOf anyOf oneOf prefixItems'),
  ...entries(schemaOrFlag, 'additionalProperties additionalItems unevaluatedProperties unevaluatedItems'),
  ...entries(schemaOrFlag, 'contains propertyNames not if then else'),
  ...entries(orAbsent, '$id $ref title description format pattern minimum maximum exclusiveMinimum'),
  ...entries(orAbsent, 'exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems'),
  ...entries(orAbsent, 'minProperties maxProperties examples deprecated readOnly writeOnly'),
  ['$schema', (value) => (typeof value === 'string' ? value : undefined)],
]);

function entries(repair: Repair, words: string): [string, Repair][] {
  return words.split(' ').map((word) => [word, repair]);
}

/** Returns a schema with its odd keywords repaired. Other keywords, and the order of the keys, stay unchanged. */
function repairSchema(value: JsonObject): JsonObject {
  const made: Record<string, unknown> = {};
  for (const [key, sent] of Object.entries(value)) {
    const repair = keywords.get(key);
    const read = repair ? repair(sent) : sent;
    if (read !== undefined) made[key] = read;
  }
  return made;
}

/** Whether the SDKs read the top of this schema of an object. */
const isReadable = ({ properties = {}, required: names = [] }: JsonObject): boolean =>
  isObject(properties) &&
  Object.values(properties).every((property) => typeof property === 'object' && !isExactNumber(property)) &&
  Array.isArray(names) &&
  names.every((name) => typeof name === 'string');

/** The schema of a tool's arguments: of an object (server/tools, Tool). A tool without one takes no arguments. */
export const inputSchema: Read = (value) => {
  if (value === undefined || value === null || value === true || isEmptyList(value))
    return { type: 'object' };
  if (!isObject(value)) return ODD;
  const made = repairSchema(value);
  const { type: types } = made;
  const takesObject = types === undefined || (Array.isArray(types) && types.includes('object'));
  const repaired = takesObject ? { ...made, type: 'object' } : made;
  return repaired['type'] === 'object' && isReadable(repaired) ? repaired : ODD;
};

/** The schema of a tool's structured content. Since 2026-07-28 it may have any type; for an object, older clients read it. */
export const outputSchema: Read = (value) => {
  if (value === null || typeof value === 'boolean' || isEmptyList(value)) return undefined;
  if (!isObject(value)) return ODD;
  const made = repairSchema(value);
  return (made['type'] !== 'object' || isReadable(made)) && isCompilable(made) ? made : ODD;
};
