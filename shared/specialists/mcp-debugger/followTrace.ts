import { z } from 'zod';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { idSchema } from '../../platform/base/ids.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { type Subject, gatherTrace } from './readTrace.ts';
import { judgeTrace } from './judgeTrace.ts';
import { type Entry, timelineOf } from './timeline.ts';
import { traceIdSchema } from './traceId.ts';

const HOUR_MS = 3_600_000;
const MAX_ENTRIES = 300;

const entrySchema = z.object({
  at: z.string(),
  source: z.enum(['session', 'plan', 'delegation', 'audit']),
  app: z.string().optional(),
  what: z.string(),
  id: z.string(),
  durationMs: z.number().optional().describe('How long it took, or had waited.'),
  outcome: z.string().optional(),
});

export const middlewareIssues = (deps: SpecialistDeps): Task =>
  defineTask({
    name: 'middleware_issues',
    permissions: ['audit.read'],
    agent: 'mcp-debugger',
    description:
      'Follows one trace or session through both apps and the queues: its delegations, plans, sessions and audit records in the order of time with how long each took, and where it ended, failed or hangs. Without either it follows the request that asked for it.',
    timeoutMs: 25_000,
    input: z.strictObject({
      traceId: traceIdSchema
        .optional()
        .describe('From the header traceparent of an answer, or from GET /audit.'),
      sessionId: idSchema.optional().describe('Follows all that was asked for in a session.'),
      hours: z.int().min(1).max(168).default(24).describe('How far back audit records are searched.'),
    }),
    output: reportSchema.extend({ timeline: z.array(entrySchema).describe('The oldest first.') }),
    async run({ traceId, sessionId, hours }, helpers) {
      const subject = traceId ?? sessionId;
      const from = new Date(helpers.clock.now().getTime() - hours * HOUR_MS);
      const wanted = subject === undefined ? { traceId: helpers.traceId } : { traceId, sessionId };
      return succeed(await followTrace(wanted, from, deps, helpers));
    },
  });

/** What a trace or a session came to, as one story and with what is wrong in it. */
export async function followTrace(
  subject: Subject,
  from: Date,
  deps: SpecialistDeps,
  helpers: Pick<TaskHelpers, 'tenantId' | 'signal' | 'clock' | 'delegationId'>,
): Promise<z.infer<typeof reportSchema> & { timeline: Entry[] }> {
  const gathered = await gatherTrace(subject, from, deps, helpers);
  const timeline = timelineOf(gathered);
  const findings = judgeTrace(gathered, helpers.clock.now(), helpers.delegationId);
  const [first, last] = [timeline[0], timeline.at(-1)];
  const spanMs = first && last ? Date.parse(last.at) - Date.parse(first.at) : 0;
  return {
    summary: summaryOf(timeline, spanMs, findings),
    facts: {
      ...subject,
      delegations: gathered.delegations.length,
      plans: gathered.plans.length,
      auditRecords: gathered.records.length,
      apps: [...new Set(timeline.flatMap(({ app }) => app ?? []))],
      spanMs,
      slowest: slowestOf(timeline),
    },
    findings: timeline.length === 0 ? [...findings, nothingFound] : [...findings],
    timeline: timeline.slice(-MAX_ENTRIES),
  };
}

/** What took the most time, the longest first. */
const slowestOf = (timeline: readonly Entry[]) =>
  timeline
    .filter(({ durationMs = 0 }) => durationMs > 0)
    .sort((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0))
    .slice(0, 3)
    .map(({ what, durationMs }) => ({ what, durationMs }));

function summaryOf(timeline: readonly Entry[], spanMs: number, findings: readonly Finding[]): string {
  const last = timeline.at(-1);
  if (!last) return 'Nothing is known of it.';
  const worst = findings.find(({ severity }) => severity === 'critical');
  const span = `${timeline.length} things happened within ${spanMs} ms`;
  return worst ? `${span}; ${worst.message}.` : `${span}, and nothing went wrong; the last: ${last.what}.`;
}

const nothingFound: Finding = {
  rule: 'nothing_found',
  severity: 'info',
  message: 'no delegation, plan, session or audit record of this tenant has it',
  evidence: {},
  remedy:
    'Check the id, and whether it is older than the hours that were searched; audit records come within a second.',
};
