import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Tool } from '../../registry/records/server.ts';
import type { Finding } from '../finding.ts';
import type { Given } from './callTools.ts';
import type { CheckSchema } from './schemaChecker.ts';

const SPEC = 'server/tools, Output Schema';

/** Whether something can be held to a tool's output schema at all. */
export async function judgeOutputSchema(
  server: string,
  era: Era,
  { name, outputSchema }: Tool,
  check: CheckSchema,
): Promise<readonly Finding[]> {
  const evidence = { server, tool: name, spec: SPEC };
  const checked = await check(outputSchema);
  if (!checked.ok) {
    const { kind, message } = checked.error;
    return [
      {
        rule: 'output_schema_unchecked',
        severity: 'warning',
        message: `the output schema of "${name}" of the server "${server}" was not checked: ${message}`,
        evidence: { ...evidence, kind },
        remedy: SIMPLER,
      },
    ];
  }
  const [first] = checked.value;
  if (first !== undefined)
    return [
      {
        rule: 'output_schema_invalid',
        severity: 'critical',
        message: `the output schema of "${name}" of the server "${server}" is none: ${first}`,
        evidence: { ...evidence, problems: checked.value },
        remedy: 'Tell the owner of the server: clients refuse its list of tools, or results of this tool.',
      },
    ];
  if (era === 'modern' || (isObject(outputSchema) && outputSchema['type'] === 'object')) return [];
  return [
    {
      rule: 'output_schema_not_object',
      severity: 'warning',
      message: `the output schema of "${name}" of the server "${server}" is of no object, as MCP 2025-11-25 wants it`,
      evidence,
      remedy:
        'Tell the owner to wrap the output into an object: clients of that era get the tool without its schema.',
    },
  ];
}

/** Whether what a tool gave is what its output schema promises. */
export async function judgeStructured(
  server: string,
  { name, outputSchema }: Tool,
  given: Given,
  check: CheckSchema,
): Promise<readonly Finding[]> {
  const finding = (
    rule: string,
    severity: Finding['severity'],
    what: string,
    more: object = {},
    remedy = 'Tell the owner of the server what the evidence says.',
  ): readonly Finding[] => [
    {
      rule,
      severity,
      message: `the tool "${name}" of the server "${server}" ${what}`,
      evidence: { server, tool: name, spec: SPEC, ...more },
      remedy,
    },
  ];
  if (given.kind === 'failed')
    return finding('tool_call_failed', 'warning', `could not be called: it ${given.why}`);
  if (given.kind === 'rpc_error')
    return finding('tool_call_refused', 'warning', `answered with the error ${given.code}`, {
      code: given.code,
    });
  const { isError, resultType, structuredContent } = given.result;
  // An error, and a question back, need not have the form of a result.
  if (isError === true)
    return finding('tool_error', 'info', 'says that it could not do its work without arguments');
  if (resultType !== undefined && resultType !== 'complete')
    return finding('tool_not_complete', 'info', 'wants more input before it gives a result');
  if (structuredContent === undefined)
    return finding(
      'structured_content_missing',
      'critical',
      'has an output schema and gave no structured content',
    );
  const held = await check(outputSchema, structuredContent);
  if (!held.ok)
    return finding(
      'structured_content_unchecked',
      'warning',
      `gave structured content that was not held to its output schema: ${held.error.message}`,
      { kind: held.error.kind },
      SIMPLER,
    );
  const [first] = held.value;
  return first === undefined
    ? []
    : finding(
        'structured_content_mismatch',
        'critical',
        `gave structured content that its output schema does not allow: ${first}`,
        { problems: held.value },
      );
}

const SIMPLER =
  'Tell the owner of the server to make the schema or the content simpler: clients that check them may hang.';
