import { type Schema, type SchemaDraft, Validator, dereference } from '@cfworker/json-schema';
import { isObject, type JsonObject } from '../../gateway/protocol/jsonRpc.ts';
import { metaSchema } from './metaSchema.ts';

const MAX_PROBLEMS = 5;
const MAX_PLACE = 200;

/** Named by places in the schema, never by content. Empty for a sound schema. */
type Problems = readonly string[];

/**
 * Returns the problems that make an output schema unusable. Like `contentProblems` it may never return: patterns, and
 * definitions that refer to each other, can be built so. Call both only in a thread that can be ended (`schemaWorker.ts`).
 */
export const schemaProblems = (schema: unknown): Problems =>
  readable(() => {
    const copy = structuredClone(schema);
    if (!isObject(copy)) return ['it is no object'];
    const problems = distinct(
      mismatches(metaSchema, copy).map(({ instance }) => `${instance}: this is not what the keyword takes`),
    );
    return problems.length > 0 ? problems : deepProblems(copy);
  });

/** Returns how structured content differs from its schema, which must be a sound one. */
export const contentProblems = (schema: JsonObject, content: unknown): Problems =>
  readable(() =>
    distinct(mismatches(structuredClone(schema), content).map(({ keyword }) => `${keyword} does not hold`)),
  );

/** The validator marks the objects that it is given, so it gets copies. @throws where a reference leads nowhere */
function mismatches(
  schema: JsonObject,
  instance: unknown,
): readonly { readonly keyword: string; readonly instance: string }[] {
  const { errors } = new Validator(schema, draftOf(schema), false).validate(instance);
  // A keyword that holds subschemas fails with them: the innermost say where.
  const isOuter = (place: string) =>
    errors.some(({ keywordLocation }) => keywordLocation.startsWith(`${place}/`));
  return errors
    .filter(({ keywordLocation }) => !isOuter(keywordLocation))
    .map(({ keywordLocation, instanceLocation }) => ({
      keyword: keywordLocation.slice(0, MAX_PLACE),
      instance: instanceLocation.slice(0, MAX_PLACE),
    }));
}

/** Each once, and the first few. */
const distinct = (problems: readonly string[]): readonly string[] =>
  [...new Set(problems)].slice(0, MAX_PROBLEMS);

/** MCP 2025-11-25, basic, JSON Schema Usage: 2020-12 where a schema does not say otherwise. */
function draftOf({ $schema }: JsonObject): SchemaDraft {
  const named = typeof $schema === 'string' ? $schema : '';
  if (named.includes('draft-07')) return '7';
  return named.includes('2019-09') ? '2019-09' : '2020-12';
}

/** References that lead nowhere, and patterns that are none. */
function deepProblems(schema: JsonObject): readonly string[] {
  const known: Readonly<Record<string, Schema | boolean>> = dereference(schema);
  const problems: string[] = [];
  for (const part of Object.values(known)) {
    if (typeof part === 'boolean') continue;
    const { $ref, __absolute_ref__: target, pattern, patternProperties = {} } = part;
    if ($ref !== undefined && (target === undefined || known[target] === undefined))
      problems.push(`$ref "${$ref.slice(0, MAX_PLACE)}" leads nowhere`);
    for (const source of [...(pattern === undefined ? [] : [pattern]), ...Object.keys(patternProperties)])
      if (!isPattern(source)) problems.push(`"${source.slice(0, MAX_PLACE)}" is no regular expression`);
  }
  return distinct(problems);
}

function isPattern(source: string): boolean {
  try {
    return new RegExp(source, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

/** A schema that the validator cannot read has a problem. */
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
