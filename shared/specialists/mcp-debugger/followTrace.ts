import * as z from 'zod';
import { agents } from '../../orchestration/model/agents.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, hasCritical, type reportSchema } from '../finding.ts';
import { judgeTrace } from './judgeTrace.ts';
import { readTrace, type TraceContent, type TraceSubject } from './readTrace.ts';

const MAX_ENTRIES = 300;

const finding = defineFindings({
  nothing_found: {
    severity: 'info',
    message: 'no delegation, plan, session or audit record of this tenant has this id',
    remedy:
      'Check the id, and whether the work is older than the hours that were searched. Audit records appear within a second.',
  },
});

/** One thing that happened, and where. */
const entrySchema = z.object({
  at: z.string(),
  source: z.enum(['session', 'plan', 'delegation', 'audit']),
  app: z.string().optional(),
  what: z.string().describe('A sentence, such as `validate_server_config is taken by fastmcp-specialist`.'),
  id: z.string(),
  durationMs: z.number().optional().describe('How long it took, or had waited.'),
  outcome: z.string().optional(),
});
export const timelineSchema = z.array(entrySchema).describe('The oldest first.');
type Entry = z.infer<typeof entrySchema>;

/** Returns the timeline of a trace or a session, and what went wrong in it. */
export async function followTrace(
  subject: TraceSubject,
  from: Date,
  deps: SpecialistDeps,
  helpers: Pick<TaskHelpers, 'tenantId' | 'signal' | 'clock' | 'delegationId'>,
): Promise<z.infer<typeof reportSchema> & { timeline: Entry[] }> {
  const trace = await readTrace(subject, from, deps, helpers);
  const timeline = timelineOf(trace);
  const findings = judgeTrace(trace, helpers.clock.now(), helpers.delegationId);
  const [first, last] = [timeline[0], timeline.at(-1)];
  const spanMs = first && last ? elapsedMs(first.at, last.at) : 0;
  return {
    summary: summaryOf(timeline, spanMs, findings),
    facts: {
      ...subject,
      delegations: trace.delegations.length,
      plans: trace.plans.length,
      auditRecords: trace.records.length,
      apps: [...new Set(timeline.flatMap(({ app }) => app ?? []))],
      spanMs,
      slowest: slowestOf(timeline),
    },
    findings: timeline.length === 0 ? [...findings, finding('nothing_found', {})] : [...findings],
    timeline: timeline.slice(-MAX_ENTRIES),
  };
}

const slowestOf = (timeline: readonly Entry[]) =>
  timeline
    .filter(({ durationMs = 0 }) => durationMs > 0)
    .sort((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0))
    .slice(0, 3)
    .map(({ what, durationMs }) => ({ what, durationMs }));

function summaryOf(timeline: readonly Entry[], spanMs: number, findings: readonly Finding[]): string {
  const last = timeline.at(-1);
  if (!last) return 'The stores hold nothing about it.';
  const span = `${timeline.length} things happened within ${spanMs} ms`;
  return hasCritical(findings)
    ? `${span}; ${findings.find(({ severity }) => severity === 'critical')?.message}.`
    : `${span}, and nothing went wrong; the last: ${last.what}.`;
}

const elapsedMs = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

/** Returns everything that happened, in order of time. */
export function timelineOf({ delegations, plans, records, sessions }: TraceContent): readonly Entry[] {
  const entries: Entry[] = [];
  for (const session of sessions.values())
    if (session)
      entries.push({ at: session.createdAt, source: 'session', what: 'the session opens', id: session.id });
  for (const { id, name, createdAt, finishedAt, state } of plans) {
    const shared = { source: 'plan', app: 'management', id } as const;
    entries.push({ ...shared, at: createdAt, what: `the plan ${name} is made` });
    if (finishedAt !== undefined)
      entries.push({
        ...shared,
        at: finishedAt,
        what: `the plan ${name} ends`,
        durationMs: elapsedMs(createdAt, finishedAt),
        outcome: state,
      });
  }
  for (const { id, agent, task, state, createdAt, startedAt, finishedAt, outcome } of delegations) {
    const shared = { source: 'delegation', app: agents[agent], id } as const;
    entries.push({ ...shared, at: createdAt, what: `${task} is queued for ${agent}` });
    if (startedAt !== undefined)
      entries.push({
        ...shared,
        at: startedAt,
        what: `${task} is taken by ${agent}`,
        durationMs: elapsedMs(createdAt, startedAt),
      });
    if (finishedAt !== undefined)
      entries.push({
        ...shared,
        at: finishedAt,
        what: `${task} of ${agent} ends`,
        durationMs: elapsedMs(startedAt ?? createdAt, finishedAt),
        outcome: outcome && !outcome.success ? outcome.error.kind : state,
      });
  }
  for (const { id, at, action, resource, decision, outcome, durationMs } of records)
    entries.push({
      at,
      source: 'audit',
      what: `${action} on ${resource} is ${decision}`,
      id,
      durationMs,
      outcome,
    });
  return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
