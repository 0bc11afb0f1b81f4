import * as z from 'zod';
import type { ActiveServer } from '../../gateway/catalogue/catalogue.ts';
import { isSound } from '../../gateway/catalogue/view.ts';
import { withoutTasks } from '../../gateway/protocol/envelope.ts';
import { UnsuitableServer, UpstreamFault } from '../../gateway/upstream/fault.ts';
import { openServer } from '../../gateway/upstream/openServer.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Era, eraSchema } from '../../registry/records/era.ts';
import type { Discovery, Tool } from '../../registry/records/server.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { finding } from './findings.ts';
import {
  agent,
  type CallDeps,
  inspectServers,
  leftOutSchema,
  type ServerDeps,
  subjectSchema,
} from './inspectServers.ts';

const MAX_SERVERS = 50;
const ANSWER_WITHIN_MS = 8_000;

const carriedSchema = z.object({
  feature: z.string(),
  declared: z.boolean().describe('Whether the server declares it.'),
  legacy: z.boolean().describe('Whether it reaches a client of the 2025 era through the gateway.'),
  modern: z.boolean().describe('Whether it reaches a client of the 2026 era through the gateway.'),
  why: z.string().optional().describe('Why it does not reach one of them.'),
});

/** What a server declares, and what of it reaches clients of each era. */
export const matrixRowSchema = z.object({
  slug: z.string(),
  era: eraSchema,
  version: z.string(),
  features: z.array(carriedSchema),
  tools: z.number(),
  toolsLeftOut: z
    .array(z.string())
    .describe('Tools that the gateway shows to no client, since their definition is invalid.'),
});
export type MatrixRow = z.infer<typeof matrixRowSchema>;

/** What a server declares about itself. */
export interface Presented {
  readonly era: Era;
  readonly protocolVersion: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly transport?: 'sse' | undefined;
  readonly tools: readonly Tool[];
  readonly leftOut?: Discovery['leftOut'];
}

/** Reports which capabilities of servers reach clients of which era. */
export const capabilityNegotiation = (deps: ServerDeps): Task =>
  defineTask({
    name: 'capability_negotiation',
    permissions: ['delegations.read'],
    agent,
    description:
      'Reads the current capabilities of each active server, and returns the matrix of these capabilities against clients of both eras: what the gateway carries to whom, what it does not carry and why, and what differs from the registry.',
    timeoutMs: 120_000,
    input: subjectSchema,
    output: reportSchema.extend({ servers: z.array(matrixRowSchema), leftOut: leftOutSchema }),
    async run({ slug }, helpers) {
      const bounds = { limit: MAX_SERVERS, atOnce: 5 };
      const inspected = await inspectServers(slug, helpers, deps, bounds, inspectCapabilities);
      if (!inspected.ok) return inspected;
      const { results, leftOut } = inspected.value;
      const rows = results.map(({ row }) => row);
      const of = (era: Era) => rows.filter((row) => row.era === era).length;
      const [legacy, modern] = [of('legacy'), of('modern')];
      return succeed({
        summary: `${rows.length} servers, ${legacy} of the 2025 and ${modern} of the 2026 era, against clients of both.`,
        facts: { servers: rows.length, legacy, modern },
        findings: results.flatMap(({ findings }) => findings),
        servers: rows,
        leftOut: [...leftOut],
      });
    },
  });

async function inspectCapabilities(server: ActiveServer, { outboundTo }: CallDeps, signal: AbortSignal) {
  const { slug, discovery } = server;
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
  try {
    const opened = await openServer(server, outboundTo, within);
    await opened.close();
    const { tools, leftOut } = discovery;
    const now: Presented = { ...opened.profile, tools, leftOut };
    const row = matrixRow(slug, now);
    return { row, findings: [...driftFindings(slug, discovery, now), ...rowFindings(row)] };
  } catch (error) {
    if (!(error instanceof UpstreamFault || error instanceof UnsuitableServer)) throw error;
    const row = matrixRow(slug, discovery);
    const problem = `it ${error.message}; its row shows what the registry knows`;
    return { row, findings: [finding('server_reached', { server: slug, problem }), ...rowFindings(row)] };
  }
}

/** Compares what a server declares with what the gateway carries. Pure. */
export function matrixRow(slug: string, presented: Presented): MatrixRow {
  const { era, protocolVersion, capabilities, tools, leftOut = [] } = presented;
  return {
    slug,
    era,
    version: protocolVersion,
    features: [...declaredFeatures(capabilities), serverRequests(presented)],
    tools: tools.length,
    toolsLeftOut: [
      ...tools.filter((tool) => !isSound(tool)).map(({ name }) => name),
      ...leftOut.flatMap(({ list, item, field }) =>
        list === 'tools' && item !== undefined && field === undefined ? [item] : [],
      ),
    ].map((name) => name.slice(0, 80)),
  };
}

/** Limit for one server, far above what servers declare. */
const MAX_FEATURES = 200;

/** Returns a feature for each capability, and for each extension. */
function declaredFeatures(capabilities: Presented['capabilities']): MatrixRow['features'] {
  const names = (of: Presented['capabilities']): string[] =>
    Object.entries(of).flatMap(([name, value]) =>
      name === 'extensions' && typeof value === 'object' && value !== null
        ? Object.keys(value).map((extension) => `extension ${extension}`)
        : [name],
    );
  const carried = new Set(names(withoutTasks(capabilities)));
  return names(capabilities)
    .slice(0, MAX_FEATURES)
    .map((feature) => {
      const isCarried = carried.has(feature);
      return {
        feature: feature.slice(0, 120),
        declared: true,
        legacy: isCarried,
        modern: isCarried,
        ...(!isCarried && { why: 'the gateway does not carry tasks' }),
      };
    });
}

/** Elicitation, sampling and roots: capabilities of clients. Whether a server can use them depends on both eras. */
function serverRequests({ era, transport }: Presented): MatrixRow['features'][number] {
  const feature = 'questions to clients';
  if (transport === 'sse')
    return {
      feature,
      declared: false,
      legacy: false,
      modern: false,
      why: 'a server of the HTTP+SSE transport is called in a session for one call, in which it cannot send requests to the client',
    };
  return era === 'modern'
    ? { feature, declared: false, legacy: true, modern: true }
    : {
        feature,
        declared: false,
        legacy: true,
        modern: false,
        why: 'a 2025 server waits for the answer within the call, but a 2026 client sends its answer with another call',
      };
}

/** Returns what the matrix means for the users of the server. Pure. */
export function rowFindings({ slug: server, features, toolsLeftOut, tools }: MatrixRow): Finding[] {
  const missing = features.filter(({ declared, legacy, modern }) => declared && !(legacy && modern));
  return [
    ...missing.map(({ feature, legacy, modern, why = '' }) =>
      finding('capability_is_not_carried', { server, feature, legacy, modern, why }),
    ),
    ...(toolsLeftOut.length === 0
      ? []
      : [finding('tools_are_left_out', { server, tools: toolsLeftOut, of: tools })]),
  ];
}

/** Returns how a server differs from its record in the registry. Pure. */
export function driftFindings(slug: string, known: Presented, now: Omit<Presented, 'tools'>): Finding[] {
  const names = (of: Presented['capabilities']) => Object.keys(of).sort().join(', ');
  const changes = {
    ...(known.era !== now.era && { era: [known.era, now.era] }),
    ...(known.protocolVersion !== now.protocolVersion && {
      version: [known.protocolVersion, now.protocolVersion],
    }),
    ...(names(known.capabilities) !== names(now.capabilities) && {
      capabilities: [names(known.capabilities), names(now.capabilities)],
    }),
  };
  return Object.keys(changes).length === 0 ? [] : [finding('registry_is_behind', { server: slug, changes })];
}
