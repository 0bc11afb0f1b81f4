import * as z from 'zod';
import { readUrl } from '../../platform/base/readUrl.ts';
import { MAX_URL_LENGTH } from '../limits.ts';
import { variablesOf } from '../secrets/placeholders.ts';
import { keyValueSchema, variablesSchema } from './inputs.ts';
import { listOf, text } from './text.ts';

/** A URL, or a template that begins with a variable. The client fills in the parts in braces. */
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

/** Returns the template with harmless values, and a number as the port. */
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

/** The transport between a client and a package that it runs. */
export const localTransportSchema = z.discriminatedUnion('type', [stdio, streamableHttp, sse], {
  error: 'must have a type: stdio, streamable-http or sse',
});

/** The address of a server that runs already. */
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
