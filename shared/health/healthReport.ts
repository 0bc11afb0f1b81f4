import * as z from 'zod';
import type { Delegation } from '../orchestration/model/delegation.ts';
import type { PlanStep } from '../orchestration/model/plan.ts';
import { shownError, type WithheldOf, withheldSchema } from '../orchestration/tasks/resultAccess.ts';
import { errorKinds } from '../platform/base/errors.ts';
import { type ServersPart, serversPartSchema } from './serversPart.ts';

const statusSchema = z.enum(['healthy', 'degraded', 'failed']);

/** A part of the system, and the agent that checked it. */
const componentSchema = z.object({
  status: statusSchema,
  agent: z.string().optional().describe('The agent that checked it; absent if the gateway probed it itself.'),
  task: z.string().optional(),
  durationMs: z.number().optional().describe('From the request to the answer.'),
  error: z
    .object({ kind: z.enum([...errorKinds, 'not_passed']), message: z.string() })
    .optional()
    .describe('Why its state is unknown, which counts as a failure.'),
  evidence: z.record(z.string(), z.unknown()).optional().describe('What was inspected.'),
  findings: z.array(z.record(z.string(), z.unknown())).optional().describe('What is wrong, and what to do.'),
  withheld: withheldSchema.optional(),
});
export type Component = z.infer<typeof componentSchema>;
export type Components = Readonly<Record<string, Component>>;

export const healthReportSchema = z.object({
  overallStatus: z.enum(['healthy', 'degraded', 'unhealthy']),
  timestamp: z.iso.datetime().describe('When the check ended.'),
  components: z.record(z.string(), componentSchema),
  degradedServices: z.array(z.string()),
  failedServices: z.array(z.string()),
  servers: serversPartSchema.describe('The registered servers; they do not change overallStatus.'),
});
export type HealthReport = z.infer<typeof healthReportSchema>;

/**
 * The gateway is unhealthy if a component has failed, else degraded if one is degraded, else healthy. The registered servers
 * stand apart.
 */
export function healthReport(components: Components, servers: ServersPart, at: Date): HealthReport {
  const named = (wanted: Component['status']) =>
    Object.keys(components).filter((name) => components[name]?.status === wanted);
  const [degradedServices, failedServices] = [named('degraded'), named('failed')];
  return {
    overallStatus: overallStatus(Object.values(components)),
    timestamp: at.toISOString(),
    components: { ...components },
    degradedServices,
    failedServices,
    servers,
  };
}

/** Returns the report as a reader may see it: a component whose result is withheld has its status and no evidence. */
export const shownHealth = (report: HealthReport, withheldOf: WithheldOf): HealthReport => ({
  ...report,
  components: Object.fromEntries(
    Object.entries(report.components).map(([name, component]) => [name, shown(component, withheldOf)]),
  ),
});

function shown(component: Component, withheldOf: WithheldOf): Component {
  const { agent, task, status, durationMs, error } = component;
  const withheld = agent !== undefined && task !== undefined ? withheldOf({ agent, task }) : undefined;
  if (!withheld) return component;
  return { status, agent, task, durationMs, error: error && shownError(error, withheld), withheld };
}

export function overallStatus(
  parts: readonly Pick<Component, 'status'>[],
): 'healthy' | 'degraded' | 'unhealthy' {
  const has = (wanted: Component['status']) => parts.some(({ status }) => status === wanted);
  return has('failed') ? 'unhealthy' : has('degraded') ? 'degraded' : 'healthy';
}

const resultSchema = componentSchema.pick({ status: true, evidence: true, findings: true });

/**
 * Returns the component of a step of the health plan, or undefined while the step may still answer. The component has failed if
 * the step reaches its timeout or its result has another shape.
 */
export function componentOf(
  { agent, task, state, error, queuedAt, finishedAt, timeoutMs = 0 }: PlanStep,
  delegation: Delegation | undefined,
  now: Date,
): Component | undefined {
  const failed = (why: Component['error']): Component => ({ status: 'failed', agent, task, error: why });
  if (state === 'queued') {
    const waitedMs = now.getTime() - Date.parse(queuedAt ?? now.toISOString());
    if (waitedMs < timeoutMs) return undefined;
    const message = `${agent} has not answered within ${timeoutMs / 1000} seconds: its app or the queue to it may be down`;
    return failed({ kind: 'timeout', message });
  }
  if (state === 'waiting') return undefined;
  if (state === 'skipped') return failed({ kind: 'cancelled', message: 'the health check was cancelled' });
  if (error) return failed(error);
  const result = delegation?.outcome?.success
    ? resultSchema.safeParse(delegation.outcome.result).data
    : undefined;
  if (!result)
    return failed({ kind: 'internal', message: `the result of ${task} is not the health of a component` });
  const durationMs = Date.parse(finishedAt ?? '') - Date.parse(queuedAt ?? '');
  return { agent, task, durationMs, ...result };
}

/**
 * A change of the status of a component, or of a server as `servers/{slug}`. A component without an earlier report counts as
 * healthy before.
 */
interface HealthChange {
  readonly component: string;
  readonly before: string;
  readonly after: string;
}

export function healthChanges(
  before: HealthReport | undefined,
  after: HealthReport,
): readonly HealthChange[] {
  const [old, now] = [statusesOf(before), statusesOf(after)];
  // A server that is healthy is not named.
  const names = new Set([...now.keys(), ...[...old.keys()].filter((name) => name.startsWith(SERVERS))]);
  return [...names]
    .map((component) => ({
      component,
      before: old.get(component) ?? 'healthy',
      after: now.get(component) ?? 'healthy',
    }))
    .filter((change) => change.before !== change.after);
}

const SERVERS = 'servers/';

const statusesOf = (report: HealthReport | undefined): ReadonlyMap<string, string> =>
  new Map([
    ...Object.entries(report?.components ?? {}).map(([name, { status }]) => [name, status] as const),
    ...(report?.servers.affected ?? []).map(({ slug, status }) => [SERVERS + slug, status] as const),
  ]);
