import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Tool } from '../../registry/records/server.ts';
import { defineFindings, type Finding, type RuleText } from '../finding.ts';
import type { CallOutcome } from './callTools.ts';
import type { CheckSchema } from './schemaChecker.ts';

const TELL_OWNER = 'Tell the owner of the server what the evidence says.';
const SIMPLER =
  'Ask the owner of the server to simplify the schema or the content: clients that validate them may hang.';

interface OfTool {
  readonly server: string;
  readonly tool: string;
}
const rule =
  (subject: 'tool' | 'output schema of') =>
  (severity: Finding['severity'], remedy: string) =>
  ({ what, server, tool, ...facts }: OfTool & { what: string; [fact: string]: unknown }): RuleText => ({
    severity,
    message: `the ${subject} "${tool}" of the server "${server}" ${what}`,
    evidence: { server, tool, spec: 'server/tools, Output Schema', ...facts },
    remedy,
  });
const toolRule = rule('tool');
const schemaRule = rule('output schema of');

const finding = defineFindings({
  output_schema_unchecked: schemaRule('warning', SIMPLER),
  output_schema_invalid: schemaRule(
    'critical',
    'Tell the owner of the server: clients reject its list of tools, or the results of this tool.',
  ),
  output_schema_not_object: schemaRule(
    'warning',
    'Ask the owner to wrap the output in an object: clients of this era get the tool without its schema.',
  ),
  tool_call_failed: toolRule('warning', TELL_OWNER),
  tool_call_refused: toolRule('warning', TELL_OWNER),
  tool_error: toolRule('info', TELL_OWNER),
  tool_not_complete: toolRule('info', TELL_OWNER),
  structured_content_missing: toolRule('critical', TELL_OWNER),
  structured_content_unchecked: toolRule('warning', SIMPLER),
  structured_content_mismatch: toolRule('critical', TELL_OWNER),
});

/** Checks whether a tool's output schema can be used to validate results. */
export async function schemaFindings(
  server: string,
  era: Era,
  { name: tool, outputSchema }: Tool,
  check: CheckSchema,
): Promise<readonly Finding[]> {
  const checked = await check(outputSchema);
  if (!checked.ok) {
    const { kind, message } = checked.error;
    const what = `was not checked: ${message}`;
    return [finding('output_schema_unchecked', { server, tool, what, kind })];
  }
  const problems = checked.value;
  if (problems[0] !== undefined) {
    const what = `is not valid: ${problems[0]}`;
    return [finding('output_schema_invalid', { server, tool, what, problems })];
  }
  if (era === 'modern' || (isObject(outputSchema) && outputSchema['type'] === 'object')) return [];
  const what = 'does not describe an object, as MCP 2025-11-25 requires';
  return [finding('output_schema_not_object', { server, tool, what })];
}

/** The finding about an output schema that the gateway does not show to clients. */
export const leftOutFinding = (server: string, tool: string): Finding =>
  finding('output_schema_invalid', { server, tool, what: 'is left out: clients cannot compile it' });

/** Checks whether the outcome of a call matches the tool's output schema. */
export async function contentFindings(
  server: string,
  { name: tool, outputSchema }: Tool,
  outcome: CallOutcome,
  check: CheckSchema,
): Promise<readonly Finding[]> {
  const of = { server, tool };
  if (outcome.kind === 'failed')
    return [finding('tool_call_failed', { ...of, what: `could not be called: it ${outcome.why}` })];
  if (outcome.kind === 'rpc_error') {
    const { code } = outcome;
    return [finding('tool_call_refused', { ...of, what: `answered with the error ${code}`, code })];
  }
  const { isError, resultType, structuredContent } = outcome.result;
  // Errors and requests for input need no structured content.
  if (isError === true)
    return [finding('tool_error', { ...of, what: 'reports an error when called without arguments' })];
  if (resultType !== undefined && resultType !== 'complete')
    return [finding('tool_not_complete', { ...of, what: 'asks for more input before it returns a result' })];
  if (structuredContent === undefined) {
    const what = 'has an output schema but returned no structured content';
    return [finding('structured_content_missing', { ...of, what })];
  }
  const checked = await check(outputSchema, structuredContent);
  if (!checked.ok) {
    const { kind, message } = checked.error;
    const what = `returned structured content that could not be checked: ${message}`;
    return [finding('structured_content_unchecked', { ...of, what, kind })];
  }
  const problems = checked.value;
  if (problems[0] === undefined) return [];
  const what = `returned structured content that its output schema does not allow: ${problems[0]}`;
  return [finding('structured_content_mismatch', { ...of, what, problems })];
}
