import { z } from 'zod';
import { readUrl } from '../../platform/base/readUrl.ts';
import { keyValueSchema, variablesSchema } from './inputs.ts';
import { listOf, text } from './text.ts';

const MAX_URL_LENGTH = 2048;

/** A URL, or a template that begins with a variable: what stands in braces is filled in by the client. */
const urlTemplate = text()
  .max(MAX_URL_LENGTH, { abort: true })
  .regex(
    /^(https?:\/\/[^\s]+|\{[a-zA-Z_][a-zA-Z0-9_]*\}[^\s]*)$/,
    'must be an http or https URL, or a template that begins with a {variable}',
  )
  .refine(
    (template) => readUrl(filledIn(template)) !== undefined,
    'is not a URL once its variables are filled in',
  );

/** The template with harmless values, a number where a port stands. */
function filledIn(template: string): string {
  const url = template.replace(/:\{[^{}]*\}(?=\/|$)/g, ':80').replace(/\{[^{}]*\}/g, 'x');
  return template.startsWith('{') ? `https://${url}` : url;
}

const remoteFields = { url: urlTemplate, headers: listOf(keyValueSchema).optional() };
const streamableHttp = z.looseObject({ type: z.literal('streamable-http'), ...remoteFields });
const sse = z.looseObject({ type: z.literal('sse'), ...remoteFields });
const stdio = z
  .looseObject({ type: z.literal('stdio') })
  .refine(({ url }) => url === undefined, { path: ['url'], error: 'must be absent: stdio has no URL' });

/** How a client speaks with a package that it runs. */
export const localTransportSchema = z.discriminatedUnion('type', [stdio, streamableHttp, sse], {
  error: 'must have a type: stdio, streamable-http or sse',
});

/** The names in a URL template. */
export const variablesOf = (template: string): readonly string[] =>
  [...template.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);

/** Where a server that runs already is reached. */
export const remoteSchema = z
  .discriminatedUnion(
    'type',
    [
      streamableHttp.extend({ variables: variablesSchema.optional() }),
      sse.extend({ variables: variablesSchema.optional() }),
    ],
    { error: 'must have a type: streamable-http or sse' },
  )
  .superRefine(({ url, variables = {} }, context) => {
    for (const name of variablesOf(url).filter((used) => !Object.hasOwn(variables, used))) {
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: `uses {${name}}, which variables does not have`,
      });
    }
  });
