import type { z } from 'zod';

type Schema = z.core.JSONSchema.BaseSchema;

/** The description of one field of an input or output. */
export interface Field {
  /** Fields of a nested object are named `outer.inner`. */
  readonly name: string;
  readonly type: string;
  readonly description: string;
  /** JSON; undefined where there is none. */
  readonly default?: string;
  readonly isOptional: boolean;
}

/** Returns the fields of an object and of its nested objects, one level down. Empty for other schemas. */
export function fieldsOf(schema: Schema, prefix = ''): readonly Field[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]): readonly Field[] => {
    if (typeof property === 'boolean') return [];
    const field: Field = {
      name: prefix + name,
      type: typeOf(property),
      description: property.description ?? '',
      ...(property.default !== undefined && { default: JSON.stringify(property.default) }),
      isOptional: !required.has(name),
    };
    return prefix === '' && property.properties ? [field, ...fieldsOf(property, `${name}.`)] : [field];
  });
}

/** Returns a type in words: `text`, `list of number`, `"a" or "b"`. */
export function typeOf(schema: Schema | boolean | undefined): string {
  if (schema === undefined || typeof schema === 'boolean') return 'anything';
  const { enum: values, const: only, anyOf, oneOf, type, items, additionalProperties } = schema;
  if (values) return values.map((value) => JSON.stringify(value)).join(' or ');
  if (only !== undefined) return JSON.stringify(only);
  const variants = anyOf ?? oneOf;
  if (variants) return [...new Set(variants.map((variant) => typeOf(variant)))].join(' or ');
  if (type === 'array') return `list of ${Array.isArray(items) ? 'anything' : typeOf(items)}`;
  if (type === 'object' && !schema.properties && typeof additionalProperties === 'object')
    return `object of ${typeOf(additionalProperties)}`;
  return (typeof type === 'string' && words[type]) || 'anything';
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
};
