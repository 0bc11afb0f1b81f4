import { asDouble } from '../../platform/base/exactJson.ts';
import { isObject, type JsonObject } from './jsonRpc.ts';

/**
 * Whether clients can compile a JSON Schema. The SDKs compile the output schemas of all tools of a list at once, so one that they
 * cannot compile costs the client the whole list. Checks the form of the keywords, the patterns, and that each `$ref` leads to a
 * place in the same schema.
 */
export function isCompilable(root: JsonObject): boolean {
  const waiting: unknown[] = [root];
  for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
    if (typeof schema === 'boolean') continue;
    if (!isObject(schema) || !referenceLeads(root, schema)) return false;
    for (const [keyword, value] of Object.entries(schema)) {
      const isSound = forms.get(keyword);
      if (isSound !== undefined && !isSound(value)) return false;
      for (const part of partsOf(keyword, value)) waiting.push(part);
    }
  }
  return true;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const oneSchema = words(
  'items additionalProperties additionalItems unevaluatedProperties unevaluatedItems contains propertyNames not if then else',
);
const manySchemas = words('allOf anyOf oneOf prefixItems');
const schemaMaps = words('properties patternProperties $defs definitions dependentSchemas');

/** Returns the schemas that a keyword holds. */
function partsOf(keyword: string, value: unknown): readonly unknown[] {
  if (schemaMaps.has(keyword)) return isObject(value) ? Object.values(value) : [];
  if (Array.isArray(value)) return oneSchema.has(keyword) || manySchemas.has(keyword) ? value : [];
  return oneSchema.has(keyword) ? [value] : [];
}

type Form = (value: unknown) => boolean;
const types = words('object array string number integer boolean null');
const isType: Form = (value) => typeof value === 'string' && types.has(value);
const isNumber: Form = (value) => typeof asDouble(value) === 'number';
const isCount: Form = (value) => {
  const count = asDouble(value);
  return Number.isInteger(count) && Number(count) >= 0;
};
const isFullList: Form = (value) => Array.isArray(value) && value.length > 0;
const isText: Form = (value) => typeof value === 'string';
/** Whether a value is the text of a regular expression that clients can compile. */
export const isPattern: Form = (value) => {
  if (typeof value !== 'string') return false;
  try {
    new RegExp(value, 'u');
    return true;
  } catch {
    return false;
  }
};

const forms: ReadonlyMap<string, Form> = new Map<string, Form>([
  ['type', (value) => (Array.isArray(value) ? value.length > 0 && value.every(isType) : isType(value))],
  ['required', (value) => Array.isArray(value) && value.every(isText)],
  ['enum', isFullList],
  ['pattern', isPattern],
  ['properties', isObject],
  ['patternProperties', (value) => isObject(value) && Object.keys(value).every(isPattern)],
  ['format', isText],
  ...[...manySchemas].map((keyword): [string, Form] => [keyword, isFullList]),
  ...[...words('minimum maximum exclusiveMinimum exclusiveMaximum multipleOf')].map(
    (keyword): [string, Form] => [keyword, isNumber],
  ),
  ...[...words('minLength maxLength minItems maxItems minProperties maxProperties')].map(
    (keyword): [string, Form] => [keyword, isCount],
  ),
]);

/** Follows references from a schema until one has other keywords. They must not lead in a circle. */
function referenceLeads(root: JsonObject, schema: JsonObject): boolean {
  const seen = new Set<unknown>();
  for (let at: unknown = schema; isObject(at) && at['$ref'] !== undefined; at = targetOf(root, at['$ref'])) {
    if (seen.has(at)) return false;
    seen.add(at);
    if (targetOf(root, at['$ref']) === undefined) return false;
    if (at['$ref'] === '#') return true;
  }
  return true;
}

/** Returns the place that a reference names by a JSON Pointer within the schema (RFC 6901). */
function targetOf(root: JsonObject, reference: unknown): unknown {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) return undefined;
  let at: unknown = root;
  for (const part of reference.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    at = (isObject(at) || Array.isArray(at)) && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined;
  }
  return isObject(at) || typeof at === 'boolean' ? at : undefined;
}
