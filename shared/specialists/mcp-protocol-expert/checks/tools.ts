import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { parameterHeaders } from '../../../gateway/protocol/parameterHeaders.ts';
import {
  both,
  type Check,
  each,
  having,
  isAbsentOr,
  isBoolean,
  isString,
  items,
  legacy,
  modern,
  type Select,
  unique,
} from './check.ts';
import { foreignReference, wrongKeyword } from './jsonSchema.ts';

const NONE = 'it lists no tools';
const MAX_NAME_LENGTH = 128;
const hints = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;

/** Selects the schemas of all tools that are objects. */
const schemas: Select<JsonObject> = (transcript) =>
  items('tools')(transcript).flatMap(({ name, value }) =>
    (['inputSchema', 'outputSchema'] as const).flatMap((key) => {
      const schema = value[key];
      return isObject(schema) ? [{ name: `${name}, ${key}`, value: schema }] : [];
    }),
  );
const named: Select<JsonObject> = (transcript) =>
  items('tools')(transcript).filter(({ value }) => isString(value['name']));

/** The definitions of tools. */
export const toolChecks: readonly Check[] = [
  {
    id: 'tool_has_name',
    spec: both('server/tools#tool'),
    severity: 'critical',
    requires: 'A tool has a name.',
    remedy: 'Give the tool a name: clients call it by its name.',
    judge: each(items('tools'), NONE, ({ name }) => (isString(name) ? undefined : 'it has no name')),
  },
  {
    id: 'tool_name_length',
    spec: both('server/tools#tool-names'),
    since: '2025-11-25',
    severity: 'warning',
    requires: `The name of a tool has 1 to ${MAX_NAME_LENGTH} characters.`,
    remedy: 'Shorten the name: many clients reject longer names, and the gateway leaves such tools out.',
    judge: each(named, NONE, ({ name }) => {
      const { length } = String(name);
      return length >= 1 && length <= MAX_NAME_LENGTH ? undefined : `its name has ${length} characters`;
    }),
  },
  {
    id: 'tool_name_characters',
    spec: both('server/tools#tool-names'),
    since: '2025-11-25',
    severity: 'warning',
    requires: 'The name of a tool consists of A-Z, a-z, 0-9, underscore, hyphen and dot.',
    remedy: 'Rename the tool, and use the old name as its title.',
    judge: each(named, NONE, ({ name }) =>
      /^[A-Za-z0-9_.-]*$/.test(String(name)) ? undefined : 'its name has other characters',
    ),
  },
  {
    id: 'tool_names_unique',
    spec: both('server/tools#tool-names'),
    severity: 'warning',
    requires: 'No two tools have the same name.',
    remedy: 'Rename one of them: a call by this name reaches only one.',
    judge: unique(named, 'name', NONE),
  },
  {
    id: 'tool_is_described',
    spec: both('server/tools#tool'),
    severity: 'info',
    requires: 'A tool has a description.',
    remedy: 'Say in one or two sentences what the tool does: a model chooses tools by their descriptions.',
    judge: each(items('tools'), NONE, ({ description }) =>
      description === undefined || description === '' ? 'it has none' : undefined,
    ),
  },
  {
    id: 'input_schema_is_object',
    spec: both('server/tools#tool'),
    severity: 'critical',
    requires: 'inputSchema is a JSON Schema for objects.',
    remedy: 'Write {"type": "object", …}, or {"type": "object"} for a tool without parameters.',
    judge: each(items('tools'), NONE, ({ inputSchema }) =>
      isObject(inputSchema) && inputSchema['type'] === 'object'
        ? undefined
        : 'its inputSchema is not such a schema',
    ),
  },
  {
    id: 'output_schema_is_object',
    spec: both('server/tools#output-schema'),
    since: '2025-06-18',
    severity: 'critical',
    requires: 'outputSchema is a JSON Schema; before 2026-07-28, one for objects.',
    remedy: 'Write {"type": "object", …}, or leave outputSchema out.',
    judge: each(
      having('outputSchema', items('tools')),
      'no tool has an outputSchema',
      ({ outputSchema }, { era }) => {
        const isOne = isObject(outputSchema);
        return isOne && (era === 'modern' || outputSchema['type'] === 'object')
          ? undefined
          : 'its outputSchema is not such a schema';
      },
    ),
  },
  {
    id: 'schemas_are_valid',
    spec: both('basic#schema-validation'),
    severity: 'critical',
    requires: 'Schemas are valid JSON Schema.',
    remedy: 'Correct the keyword: clients that compile the schema cannot use the tool.',
    judge: each(schemas, NONE, (schema) => {
      const wrong = wrongKeyword(schema);
      return wrong === undefined ? undefined : `the value of ${wrong.slice(0, 80)} is not valid`;
    }),
  },
  {
    id: 'schemas_stand_alone',
    spec: { ...legacy('basic#json-schema-usage'), ...modern('basic#%24ref-resolution') },
    severity: 'warning',
    requires: 'Schemas hold no references to other documents.',
    remedy: 'Copy the referenced schema into $defs: clients do not fetch it.',
    judge: each(schemas, NONE, (schema) => {
      const foreign = foreignReference(schema);
      return foreign === undefined ? undefined : `${foreign.slice(0, 80)} leads elsewhere`;
    }),
  },
  {
    id: 'tool_hints_are_boolean',
    spec: both('server/tools#tool'),
    severity: 'critical',
    requires: 'The annotations of a tool are an object, and its hints true or false.',
    remedy: 'Write true or false, or leave the hint out.',
    judge: each(having('annotations', items('tools')), 'no tool has annotations', ({ annotations }) =>
      isObject(annotations) && hints.every((hint) => isAbsentOr(isBoolean)(annotations[hint]))
        ? undefined
        : 'its annotations are not an object, or a hint is not true or false',
    ),
  },
  {
    id: 'task_support_known',
    spec: legacy('basic/utilities/tasks'),
    since: '2025-11-25',
    severity: 'critical',
    requires: 'execution.taskSupport is forbidden, optional or required.',
    remedy: 'Use one of these values, or leave the field out.',
    judge: each(having('execution', items('tools')), 'no tool has execution', ({ execution }) =>
      isObject(execution) &&
      isAbsentOr((value) => ['forbidden', 'optional', 'required'].some((known) => known === value))(
        execution['taskSupport'],
      )
        ? undefined
        : 'it has another value',
    ),
  },
  {
    id: 'parameter_headers_valid',
    spec: modern('server/tools#x-mcp-header'),
    severity: 'critical',
    requires:
      'x-mcp-header names a header only once in a tool, on a parameter of type string, integer or boolean.',
    remedy: 'Correct or remove the annotation: clients leave such a tool out.',
    judge: each(
      (transcript) =>
        items('tools')(transcript).filter(({ value }) =>
          JSON.stringify(value['inputSchema'] ?? null).includes('"x-mcp-header":'),
        ),
      'no tool has one',
      ({ inputSchema }) => (parameterHeaders(inputSchema) ? undefined : 'its annotation is invalid'),
    ),
  },
];
