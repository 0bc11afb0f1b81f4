import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { parameterHeaders } from '../../../gateway/protocol/parameterHeaders.ts';
import type { Transcript } from '../transcript/transcript.ts';
import { type Check, each } from './check.ts';
import { foreignReference, wrongKeyword } from './jsonSchema.ts';
import { isAbsentOr, isString, itemsOf } from './look.ts';
import { repeated } from './promptsAndResources.ts';

const NONE = 'it lists no tools';
const both = (section: string) => ({
  legacy: `2025-11-25/server/tools#${section}`,
  modern: `2026-07-28/server/tools#${section}`,
});
const schemas = {
  legacy: '2025-11-25/basic#schema-validation',
  modern: '2026-07-28/basic#schema-validation',
};
const MAX_NAME_LENGTH = 128;
const hints = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;

/** The schemas of all tools, where they are objects. */
const schemasOf = (transcript: Transcript) =>
  itemsOf(transcript, 'tools').flatMap(({ name, value }) =>
    (['inputSchema', 'outputSchema'] as const).flatMap((key) => {
      const schema = value[key];
      return isObject(schema) ? [{ name: `${name}, ${key}`, value: schema }] : [];
    }),
  );
const named = (transcript: Transcript) =>
  itemsOf(transcript, 'tools').filter(({ value }) => isString(value['name']));

/** The definitions of tools. */
export const toolChecks: readonly Check[] = [
  {
    id: 'tool_has_name',
    spec: both('tool'),
    severity: 'critical',
    requires: 'A tool has a name.',
    remedy: 'Give the tool a name: it cannot be called without.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'tools'), NONE, ({ name }) => (isString(name) ? undefined : 'it has no name')),
  },
  {
    id: 'tool_name_length',
    spec: both('tool-names'),
    since: '2025-11-25',
    severity: 'warning',
    requires: `The name of a tool has 1 to ${MAX_NAME_LENGTH} characters.`,
    remedy: 'Shorten the name: many clients refuse longer ones, and the gateway does not keep them.',
    judge: (transcript) =>
      each(named(transcript), NONE, ({ name }) => {
        const { length } = String(name);
        return length >= 1 && length <= MAX_NAME_LENGTH ? undefined : `its name has ${length} characters`;
      }),
  },
  {
    id: 'tool_name_characters',
    spec: both('tool-names'),
    since: '2025-11-25',
    severity: 'warning',
    requires: 'The name of a tool is made of A-Z a-z 0-9 _ - and the dot.',
    remedy: 'Rename the tool, and put what its name said into its title.',
    judge: (transcript) =>
      each(named(transcript), NONE, ({ name }) =>
        /^[A-Za-z0-9_.-]*$/.test(String(name)) ? undefined : 'its name has other characters',
      ),
  },
  {
    id: 'tool_names_unique',
    spec: both('tool-names'),
    severity: 'warning',
    requires: 'No two tools have one name.',
    remedy: 'Rename one of them: a call of the name reaches only one.',
    judge: (transcript) => repeated(named(transcript), 'name', NONE),
  },
  {
    id: 'tool_is_described',
    spec: both('tool'),
    severity: 'info',
    requires: 'A tool has a description.',
    remedy: 'Say in a sentence or two what the tool does: a model chooses by that.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'tools'), NONE, ({ description }) =>
        description === undefined || description === '' ? 'it has none' : undefined,
      ),
  },
  {
    id: 'input_schema_is_object',
    spec: both('tool'),
    severity: 'critical',
    requires: 'inputSchema is a JSON Schema for objects.',
    remedy: 'Write {"type": "object", …}; {"type": "object"} for a tool without parameters.',
    judge: (transcript) =>
      each(itemsOf(transcript, 'tools'), NONE, ({ inputSchema }) =>
        isObject(inputSchema) && inputSchema['type'] === 'object' ? undefined : 'its inputSchema is none',
      ),
  },
  {
    id: 'output_schema_is_object',
    spec: both('output-schema'),
    since: '2025-06-18',
    severity: 'critical',
    requires: 'outputSchema is a JSON Schema; before 2026-07-28, one for objects.',
    remedy: 'Write {"type": "object", …}, or leave outputSchema out.',
    judge: (transcript) =>
      each(
        itemsOf(transcript, 'tools').filter(({ value }) => 'outputSchema' in value),
        'no tool has an outputSchema',
        ({ outputSchema }) => {
          const isOne = isObject(outputSchema);
          return isOne && (transcript.era === 'modern' || outputSchema['type'] === 'object')
            ? undefined
            : 'its outputSchema is none';
        },
      ),
  },
  {
    id: 'schemas_are_valid',
    spec: schemas,
    severity: 'critical',
    requires: 'Schemas are valid JSON Schema.',
    remedy: 'Correct the keyword: clients that compile the schema cannot use the tool.',
    judge: (transcript) =>
      each(schemasOf(transcript), NONE, (schema) => {
        const wrong = wrongKeyword(schema);
        return wrong === undefined ? undefined : `the value of ${wrong.slice(0, 80)} cannot be one`;
      }),
  },
  {
    id: 'schemas_stand_alone',
    spec: {
      legacy: '2025-11-25/basic#json-schema-usage',
      modern: '2026-07-28/basic#%24ref-resolution',
    },
    severity: 'warning',
    requires: 'Schemas refer to nothing outside of themselves.',
    remedy: 'Copy what is referred to into $defs: clients do not fetch it.',
    judge: (transcript) =>
      each(schemasOf(transcript), NONE, (schema) => {
        const foreign = foreignReference(schema);
        return foreign === undefined ? undefined : `${foreign.slice(0, 80)} leads elsewhere`;
      }),
  },
  {
    id: 'tool_hints_are_boolean',
    spec: both('tool'),
    severity: 'critical',
    requires: 'The annotations of a tool are an object, and its hints true or false.',
    remedy: 'Write true or false, or leave the hint out.',
    judge: (transcript) =>
      each(
        itemsOf(transcript, 'tools').filter(({ value }) => 'annotations' in value),
        'no tool has annotations',
        ({ annotations }) =>
          isObject(annotations) &&
          hints.every((hint) => isAbsentOr((value) => typeof value === 'boolean')(annotations[hint]))
            ? undefined
            : 'its annotations are none, or a hint is neither',
      ),
  },
  {
    id: 'task_support_known',
    spec: { legacy: '2025-11-25/basic/utilities/tasks' },
    since: '2025-11-25',
    severity: 'critical',
    requires: 'execution.taskSupport is forbidden, optional or required.',
    remedy: 'Use one of the three, or leave it out.',
    judge: (transcript) =>
      each(
        itemsOf(transcript, 'tools').filter(({ value }) => 'execution' in value),
        'no tool says how it runs',
        ({ execution }) =>
          isObject(execution) &&
          isAbsentOr((value) => ['forbidden', 'optional', 'required'].some((known) => known === value))(
            execution['taskSupport'],
          )
            ? undefined
            : 'it is none of these',
      ),
  },
  {
    id: 'parameter_headers_valid',
    spec: { modern: '2026-07-28/server/tools#x-mcp-header' },
    severity: 'critical',
    requires:
      'x-mcp-header names a header, once in a tool, on a parameter of type string, integer or boolean.',
    remedy: 'Correct or remove the annotation: clients leave such a tool out.',
    judge: (transcript) =>
      each(
        itemsOf(transcript, 'tools').filter(({ value }) =>
          JSON.stringify(value['inputSchema'] ?? null).includes('"x-mcp-header":'),
        ),
        'no tool has one',
        ({ inputSchema }) => (parameterHeaders(inputSchema) ? undefined : 'its annotation is invalid'),
      ),
  },
];
