import { z } from 'zod';
import { isObject } from '../../gateway/protocol/jsonRpc.ts';
import { type ActiveServer, createCatalogue } from '../../gateway/catalogue/catalogue.ts';
import type { Principal } from '../../identity/access/actor.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { callTools } from './callTools.ts';
import { type CheckedSchemas, type Described, checkSchemas } from './checkSchemas.ts';
import { judgeStructured } from './structuredFindings.ts';
import { type CheckSchema, createSchemaChecker } from './schemaChecker.ts';

const MAX_SERVERS = 50;
/** Nobody waits for more. */
const MAX_CALLS = 10;

export function structuredResponses(deps: SpecialistDeps, checker = createSchemaChecker()): Task {
  return defineTask({
    name: 'structured_responses',
    permissions: ['delegations.read'],
    agent: 'fastmcp-specialist',
    description:
      'Checks the output schemas of tools, of all servers or of one; of the one that is named it also calls the tools that say they only read and need no arguments, and holds their structured content to their schemas. Says which it could not call and why.',
    timeoutMs: 75_000,
    input: z.strictObject({
      slug: slugSchema.optional().describe('The server whose tools are called; without it none is called.'),
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
      const calls = await callEach(server, schemas.described, check, deps, helpers);
      return succeed(reportOf(schemas, calls, slug));
    },
  });
}

interface Held {
  readonly tool: string;
  /** Why it was not called; absent where it was. */
  readonly notCalled?: string;
  readonly durationMs?: number;
  readonly findings: readonly Finding[];
}

/** Calls those that can be called, and says of the others why not. */
async function callEach(
  server: ActiveServer,
  schemas: readonly Described[],
  check: CheckSchema,
  deps: SpecialistDeps,
  helpers: TaskHelpers,
): Promise<readonly Held[]> {
  const { tenantId, traceId, signal } = helpers;
  const token = await helpers.token();
  const nobody: Principal = {
    tenantId,
    userId: 'fastmcp-specialist',
    kind: 'app',
    clientId: '',
    roles: [],
    expiresAt: 0,
  };
  const caller = { principal: helpers.actor ?? nobody, token, traceId, signal };
  const reasons = new Map(schemas.map((described) => [described.tool.name, whyNot(described)]));
  const able = schemas.filter(({ tool }) => reasons.get(tool.name) === undefined).map(({ tool }) => tool);
  const given = await callTools(server, able.slice(0, MAX_CALLS), caller, deps);
  const held: Held[] = [];
  for (const { tool } of schemas) {
    const { name } = tool;
    const came = given.get(name);
    if (came)
      held.push({
        tool: name,
        ...(came.kind === 'result' && { durationMs: came.durationMs }),
        findings: await judgeStructured(server.slug, tool, came, check),
      });
    else {
      const notCalled = reasons.get(name) ?? 'there was no time left, or enough were called';
      held.push({ tool: name, notCalled, findings: [] });
    }
  }
  return held;
}

/** What keeps a tool from being called here; undefined where nothing does. */
export function whyNot({ tool, findings }: Pick<Described, 'tool' | 'findings'>): string | undefined {
  const { annotations, inputSchema } = tool;
  if (findings.some(({ rule }) => rule === 'output_schema_invalid' || rule === 'output_schema_unchecked'))
    return 'nothing can be held to its output schema';
  if (!isObject(annotations) || annotations['readOnlyHint'] !== true)
    return 'it does not say that it only reads (annotations.readOnlyHint)';
  const required = isObject(inputSchema) ? inputSchema['required'] : undefined;
  return Array.isArray(required) && required.length > 0 ? 'it needs arguments' : undefined;
}

function reportOf(
  { described, unchecked }: CheckedSchemas,
  calls: readonly Held[],
  slug: string | undefined,
): z.infer<typeof reportSchema> {
  const called = calls.filter(({ notCalled }) => notCalled === undefined);
  const notCalled = calls.flatMap(({ tool, notCalled: why }) => (why === undefined ? [] : [{ tool, why }]));
  const findings = [
    ...[...described, ...calls].flatMap((one) => one.findings),
    ...(slug === undefined ? [noServer] : []),
    ...(unchecked > 0 ? [outOfTime(unchecked)] : []),
  ];
  const wrong = findings.find(({ severity }) => severity !== 'info');
  const looked = `${described.length} output schemas were checked and ${called.length} tools called`;
  return {
    summary: wrong === undefined ? `${looked}; all is as it must be.` : `${looked}; ${wrong.message}.`,
    facts: {
      outputSchemas: described.length,
      unchecked,
      called: called.map(({ tool, durationMs }) => ({ tool, durationMs })),
      notCalled,
    },
    findings,
  };
}

const noServer: Finding = {
  rule: 'no_tool_called',
  severity: 'info',
  message: 'no tool was called, so no content was held to a schema: no server was named',
  evidence: {},
  remedy: 'Give the slug of a server: those of its tools are called that only read and need no arguments.',
};

const outOfTime = (unchecked: number): Finding => ({
  rule: 'schemas_unchecked',
  severity: 'info',
  message: `${unchecked} output schemas were not looked at: the time was over`,
  evidence: { unchecked },
  remedy: 'Ask for one server after another by its slug.',
});
