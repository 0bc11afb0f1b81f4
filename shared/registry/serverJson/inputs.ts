import * as z from 'zod';
import { flag, listOf, text } from './text.ts';

const inputFields = {
  description: text().optional(),
  isRequired: flag.optional(),
  format: z
    .enum(['string', 'number', 'boolean', 'filepath'], {
      error: 'must be string, number, boolean or filepath',
    })
    .optional(),
  value: text().optional(),
  isSecret: flag.optional(),
  default: text().optional(),
  placeholder: text().optional(),
  choices: listOf(text()).optional(),
};

/** Inputs by the names that templates use in braces. */
export const variablesSchema = z.record(z.string(), z.looseObject(inputFields), {
  error: 'must be an object of inputs by name',
});

const withVariables = { ...inputFields, variables: variablesSchema.optional() };

/** A header or an environment variable. */
export const keyValueSchema = z.looseObject({ ...withVariables, name: text().min(1) });

const positionalSchema = z
  .looseObject({
    ...withVariables,
    type: z.literal('positional'),
    valueHint: text().optional(),
    isRepeated: flag.optional(),
  })
  .refine(({ valueHint, value }) => valueHint !== undefined || value !== undefined, {
    path: ['valueHint'],
    error: 'is required: a positional argument has a valueHint or a value',
  });

const namedSchema = z.looseObject({
  ...withVariables,
  type: z.literal('named'),
  name: text()
    .min(1)
    .regex(/^[^\s<>$]+$/, 'must be the flag alone, such as --port, without a value'),
  isRepeated: flag.optional(),
});

/** An argument of a command line. */
export const argumentSchema = z.discriminatedUnion('type', [positionalSchema, namedSchema], {
  error: 'must be positional or named',
});
