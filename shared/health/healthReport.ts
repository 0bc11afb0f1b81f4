import { z } from 'zod';
import { errorKinds } from '../platform/base/errors.ts';
import type { Delegation } from '../orchestration/model/delegation.ts';
import type { PlanStep } from '../orchestration/model/plan.ts';
import { type WithheldOf, shownError, withheldSchema } from '../orchestration/tasks/resultAccess.ts';

const statusSchema = z.enum(['healthy', 'degraded', 'failed']);

/** A part of the system, and who looked at it. */
export const componentSchema = z.object({
  status: statusSchema,
  agent: z.string().optional().describe('The agent that looked; absent where the gateway looked itself.'),
  task: z.string().optional(),
  durationMs: z.number().optional().describe('From the question to the answer.'),
  error: z
    .object({ kind: z.enum([...errorKinds, 'not_passed']), message: z.string() })
    .optional()
    .describe('Why nothing can be said of it, which counts as its failure.'),
  evidence: z.record(z.string(), z.unknown()).optional().describe('What was looked at.'),
  findings: z.array(z.record(z.string(), z.unknown())).optional().describe('What is wrong, and what to do.'),
  withheld: withheldSchema.optional(),
});
export type Component = z.infer<typeof componentSchema>;
export type Components = Readonly<Record<string, Component>>;

export const healthReportSchema = z.object({
  overallStatus: z.enum(['healthy', 'degraded', 'unhealthy']),
  timestamp: z.iso.datetime().describe('When the look ended.'),
  components: z.record(z.string(), componentSchema),
  degradedServices: z.array(z.string()),
  failedServices: z.array(z.string()),
});
export type HealthReport = z.infer<typeof healthReportSchema>;

/** The system is as well as its worst part: unhealthy when one has failed, degraded when one is. */
export function healthReport(components: Components, at: Date): HealthReport {
  const named = (wanted: Component['status']) =>
    Object.keys(components).filter((name) => components[name]?.status === wanted);
  const [degradedServices, failedServices] = [named('degraded'), named('failed')];
  return {
    overallStatus: overallStatus(Object.values(components)),
    timestamp: at.toISOString(),
    components: { ...components },
    degradedServices,
    failedServices,
  };
}

/** Returns the report as a reader may see it: of a component whose result is withheld, the status and not the evidence. */
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
 * What a step of the health check says of its component. Undefined while it may still answer. Whoever does not answer in
 * its time, or answers with something else, is a component that has failed.
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
  if (state === 'skipped') return failed({ kind: 'cancelled', message: 'the look was cancelled' });
  if (error) return failed(error);
  const result = delegation?.outcome?.success
    ? resultSchema.safeParse(delegation.outcome.result).data
    : undefined;
  if (!result)
    return failed({ kind: 'internal', message: `what ${task} answered says nothing of the component` });
  const durationMs = Date.parse(finishedAt ?? '') - Date.parse(queuedAt ?? '');
  return { agent, task, durationMs, ...result };
}

/** A change of how something is. A part that was not known before counts as having been well. */
export interface HealthChange {
  readonly component: string;
  readonly before: string;
  readonly after: string;
}

export function healthChanges(
  before: HealthReport | undefined,
  after: HealthReport,
): readonly HealthChange[] {
  const statuses = (report: HealthReport | undefined): Readonly<Record<string, string>> => ({
    ...Object.fromEntries(
      Object.entries(report?.components ?? {}).map(([name, { status }]) => [name, status]),
    ),
  });
  const known = statuses(before);
  return Object.entries(statuses(after))
    .map(([component, status]) => ({ component, before: known[component] ?? 'healthy', after: status }))
    .filter((change) => change.before !== change.after);
}
