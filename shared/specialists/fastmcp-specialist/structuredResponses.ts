import { z } from 'zod';
import { isObject } from '../../gateway/jsonRpc.ts';
import { type ActiveServer, createCatalogue } from '../../gateway/view/catalogue.ts';
import type { Principal } from '../../identity/principal.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/task/task.ts';
import { fail, succeed } from '../../platform/result.ts';
import { type Tool, slugSchema } from '../../registry/server.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { ownerOf } from '../signedIn.ts';
import { callTools } from './callTools.ts';
import { judgeStructured, judgeOutputSchema } from './judgeStructured.ts';

const MAX_SERVERS = 50;
/** Nobody waits for more. */
const MAX_CALLS = 10;

export const structuredResponses = (deps: SpecialistDeps): Task =>
  defineTask({
    name: 'structured_responses',
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
        return succeed(
          reportOf(servers.slice(0, MAX_SERVERS).flatMap(schemasOf), [], servers.length, undefined),
        );
      }
      const server = await catalogue.find(helpers.tenantId, slug);
      if (!server)
        return fail({ kind: 'not_found', message: `there is no active server "${slug}" in this tenant` });
      const schemas = schemasOf(server);
      const calls = await callable(server, schemas, deps, helpers);
      return succeed(reportOf(schemas, calls, 1, slug));
    },
  });

/** A tool with an output schema, and what is wrong with that. */
interface Described {
  readonly server: ActiveServer;
  readonly tool: Tool;
  readonly findings: readonly Finding[];
}

const schemasOf = (server: ActiveServer): Described[] =>
  server.discovery.tools
    .filter(({ outputSchema }) => outputSchema !== undefined)
    .map((tool) => ({
      server,
      tool,
      findings: judgeOutputSchema(server.slug, server.discovery.era, tool),
    }));

interface Held {
  readonly tool: string;
  /** Why it was not called; absent where it was. */
  readonly notCalled?: string;
  readonly durationMs?: number;
  readonly findings: readonly Finding[];
}

async function callable(
  server: ActiveServer,
  schemas: readonly Described[],
  deps: SpecialistDeps,
  helpers: TaskHelpers,
): Promise<readonly Held[]> {
  const { tenantId, traceId, signal } = helpers;
  const [owner, token] = await Promise.all([ownerOf(helpers), helpers.token()]);
  const nobody: Principal = {
    tenantId,
    userId: 'fastmcp-specialist',
    kind: 'app',
    clientId: '',
    roles: [],
    expiresAt: 0,
  };
  const caller = { principal: owner ?? nobody, token, traceId, signal };
  const reasons = new Map(schemas.map((described) => [described.tool.name, whyNot(described)]));
  const able = schemas.filter(({ tool }) => reasons.get(tool.name) === undefined).map(({ tool }) => tool);
  const given = await callTools(server, able.slice(0, MAX_CALLS), caller, deps);
  return schemas.map(({ tool }): Held => {
    const came = given.get(tool.name);
    if (!came)
      return {
        tool: tool.name,
        notCalled: reasons.get(tool.name) ?? 'there was no time left, or enough were called',
        findings: [],
      };
    return {
      tool: tool.name,
      ...(came.kind === 'result' && { durationMs: came.durationMs }),
      findings: judgeStructured(server.slug, tool, came),
    };
  });
}

/** What keeps a tool from being called here; undefined where nothing does. */
export function whyNot({ tool, findings }: Pick<Described, 'tool' | 'findings'>): string | undefined {
  const { annotations, inputSchema } = tool;
  if (findings.some(({ severity }) => severity === 'critical'))
    return 'nothing can be held to its output schema';
  if (!isObject(annotations) || annotations['readOnlyHint'] !== true)
    return 'it does not say that it only reads (annotations.readOnlyHint)';
  const required = isObject(inputSchema) ? inputSchema['required'] : undefined;
  return Array.isArray(required) && required.length > 0 ? 'it needs arguments' : undefined;
}

function reportOf(
  schemas: readonly Described[],
  calls: readonly Held[],
  servers: number,
  slug: string | undefined,
): z.infer<typeof reportSchema> {
  const findings = [...schemas, ...calls].flatMap((one) => one.findings);
  const called = calls.filter(({ notCalled }) => notCalled === undefined);
  const wrong = findings.filter(({ severity }) => severity !== 'info');
  const looked = `${schemas.length} output schemas of ${servers} servers were checked, ${called.length} tools called`;
  return {
    summary: wrong[0] === undefined ? `${looked}; all is as it must be.` : `${looked}; ${wrong[0].message}.`,
    facts: {
      servers,
      outputSchemas: schemas.length,
      called: called.map(({ tool, durationMs }) => ({ tool, durationMs })),
      notCalled: calls.flatMap(({ tool, notCalled }) =>
        notCalled === undefined ? [] : [{ tool, why: notCalled }],
      ),
    },
    findings: slug === undefined ? [...findings, noServer] : findings,
  };
}

const noServer: Finding = {
  rule: 'no_tool_called',
  severity: 'info',
  message: 'no tool was called, so no content was held to a schema: no server was named',
  evidence: {},
  remedy: 'Give the slug of a server: those of its tools are called that only read and need no arguments.',
};
