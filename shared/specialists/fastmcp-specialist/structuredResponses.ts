import * as z from 'zod';
import { type ActiveServer, createCatalogue } from '../../gateway/catalogue/catalogue.ts';
import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import type { Actor } from '../../identity/access/actor.ts';
import { defineTask, type Task, type TaskHelpers } from '../../orchestration/tasks/task.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import { type Discovery, slugSchema, type Tool } from '../../registry/records/server.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, problemsIn, reportSchema } from '../finding.ts';
import { callTools } from './callTools.ts';
import { type CheckSchema, createSchemaChecker } from './schemaChecker.ts';
import { contentFindings, leftOutFinding, schemaFindings } from './structuredFindings.ts';

const MAX_SERVERS = 50;
const MAX_CALLS = 10;

const finding = defineFindings({
  no_tool_called: () => ({
    severity: 'info',
    message: 'no tool was called, so no content was checked: no server was named',
    remedy:
      'Give the slug of a server: the task then calls those of its tools that only read and need no arguments.',
  }),
  schemas_unchecked: ({ unchecked }: { unchecked: number }) => ({
    severity: 'info',
    message: `${unchecked} output schemas were not checked for lack of time`,
    remedy: 'Check one server at a time, by its slug.',
  }),
});

export function structuredResponses(deps: SpecialistDeps, checker = createSchemaChecker()): Task {
  return defineTask({
    name: 'structured_responses',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Checks the output schemas of tools, of all servers or of one. For a named server it also calls the tools that declare that they only read and need no arguments, and checks their structured content against their schemas. Reports which tools it could not call and why.',
    timeoutMs: 75_000,
    input: z.strictObject({
      slug: slugSchema
        .optional()
        .describe('The server whose tools are called; without a slug no tool is called.'),
    }),
    output: reportSchema,
    async run({ slug }, helpers) {
      const catalogue = createCatalogue(deps);
      if (slug === undefined) {
        const servers = await catalogue.all(helpers.tenantId);
        const schemas = await checkSchemas(servers.slice(0, MAX_SERVERS), () => checker(helpers.tenantId));
        return succeed(reportOf(schemas, [], slug));
      }
      const server = await catalogue.find(helpers.tenantId, slug);
      if (!server)
        return fail({ kind: 'not_found', message: `there is no active server "${slug}" in this tenant` });
      const check = checker(helpers.tenantId);
      const schemas = await checkSchemas([server], () => check);
      const calls = await callEach(server, schemas.tools, check, deps, helpers);
      return succeed(reportOf(schemas, calls, slug));
    },
  });
}

/** Time limit for the schemas of all servers together. */
const CHECK_WITHIN_MS = 8_000;

/** A tool with an output schema, and the findings about the schema. */
export interface CheckedTool {
  readonly tool: Tool;
  readonly findings: readonly Finding[];
}

interface CheckedSchemas {
  readonly tools: readonly CheckedTool[];
  /** How many schemas were not checked for lack of time. */
  readonly unchecked: number;
}

async function checkSchemas(
  servers: readonly ActiveServer[],
  checkOf: (server: ActiveServer) => CheckSchema,
): Promise<CheckedSchemas> {
  const tools: CheckedTool[] = [];
  let unchecked = 0;
  const endAt = performance.now() + CHECK_WITHIN_MS;
  for (const server of servers) {
    const { slug, discovery } = server;
    const check = checkOf(server);
    for (const tool of discovery.tools.filter(({ outputSchema }) => outputSchema !== undefined)) {
      if (performance.now() > endAt) unchecked += 1;
      else tools.push({ tool, findings: await schemaFindings(slug, discovery.era, tool, check) });
    }
    for (const tool of discovery.tools)
      if (lacksSchema(discovery, tool)) tools.push({ tool, findings: [leftOutFinding(slug, tool.name)] });
  }
  return { tools, unchecked };
}

/** Whether the server gave an output schema that the gateway left out. */
const lacksSchema = ({ leftOut = [] }: Discovery, { name }: Tool): boolean =>
  leftOut.some(({ list, item, field }) => list === 'tools' && item === name && field === 'outputSchema');

interface ToolResult {
  readonly tool: string;
  /** Why the tool was not called; absent where it was called. */
  readonly notCalled?: string;
  readonly durationMs?: number;
  readonly findings: readonly Finding[];
}

/** Calls the tools that can be called, and says why the others cannot. */
async function callEach(
  server: ActiveServer,
  checked: readonly CheckedTool[],
  check: CheckSchema,
  deps: SpecialistDeps,
  helpers: TaskHelpers,
): Promise<readonly ToolResult[]> {
  const { tenantId, traceId, signal } = helpers;
  const token = await helpers.token();
  const withoutRoles: Actor = {
    tenantId,
    userId: 'fastmcp-specialist',
    kind: 'app',
    clientId: '',
    roles: [],
    expiresAt: 0,
  };
  const caller = { actor: helpers.actor ?? withoutRoles, token, traceId, signal };
  const reasons = new Map(checked.map((one) => [one.tool.name, whyNot(one)]));
  const callable = checked.filter(({ tool }) => reasons.get(tool.name) === undefined).map(({ tool }) => tool);
  const outcomes = await callTools(server, callable.slice(0, MAX_CALLS), caller, deps);
  const results: ToolResult[] = [];
  for (const { tool } of checked) {
    const { name } = tool;
    const outcome = outcomes.get(name);
    if (outcome)
      results.push({
        tool: name,
        ...(outcome.kind === 'result' && { durationMs: outcome.durationMs }),
        findings: await contentFindings(server.slug, tool, outcome, check),
      });
    else {
      const notCalled = reasons.get(name) ?? `no time was left, or ${MAX_CALLS} tools were called already`;
      results.push({ tool: name, notCalled, findings: [] });
    }
  }
  return results;
}

/** Returns why a tool is not called here; undefined for a tool that can be called. */
export function whyNot({ tool, findings }: CheckedTool): string | undefined {
  const { annotations, inputSchema } = tool;
  if (findings.some(({ rule }) => rule === 'output_schema_invalid' || rule === 'output_schema_unchecked'))
    return 'its output schema cannot be used to check results';
  if (!isObject(annotations) || annotations['readOnlyHint'] !== true)
    return 'it does not declare that it only reads (annotations.readOnlyHint)';
  const required = isObject(inputSchema) ? inputSchema['required'] : undefined;
  return Array.isArray(required) && required.length > 0 ? 'it needs arguments' : undefined;
}

function reportOf(
  { tools, unchecked }: CheckedSchemas,
  calls: readonly ToolResult[],
  slug: string | undefined,
): z.infer<typeof reportSchema> {
  const called = calls.filter(({ notCalled }) => notCalled === undefined);
  const notCalled = calls.flatMap(({ tool, notCalled: why }) => (why === undefined ? [] : [{ tool, why }]));
  const findings = [
    ...[...tools, ...calls].flatMap((one) => one.findings),
    ...(slug === undefined ? [finding('no_tool_called', {})] : []),
    ...(unchecked > 0 ? [finding('schemas_unchecked', { unchecked })] : []),
  ];
  const [problem] = problemsIn(findings);
  const done = `${tools.length} output schemas were checked and ${called.length} tools called`;
  return {
    summary: problem === undefined ? `${done}; no problem was found.` : `${done}; ${problem.message}.`,
    facts: {
      outputSchemas: tools.length,
      unchecked,
      called: called.map(({ tool, durationMs }) => ({ tool, durationMs })),
      notCalled,
    },
    findings,
  };
}
