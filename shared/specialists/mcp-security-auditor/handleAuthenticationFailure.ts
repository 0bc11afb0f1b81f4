import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { type AuditRecord, isAccessRefusal } from '../../audit/model/record.ts';
import { refusals } from '../../identity/tokens/refusals.ts';
import { defineTask, type Task, type TaskHelpers } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { eventSchema } from '../eventHandlers.ts';
import { defineFindings, type Finding, reportSchema } from '../finding.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';
import { finding as sharedFinding } from './findings.ts';
import { hasFailed, sumOfActs, tally } from './recordStatistics.ts';

type HandlerDeps = Pick<SpecialistDeps, 'audit' | 'trail'>;

const LOOK_BACK_MS = 10 * 60_000;
const MAX_RECORDS = 2_000;
const READ_WITHIN_MS = 10_000;
/** The refusals that raised the event are in the audit trail within about a second. Each app writes its own. */
const PAUSE_MS = 400;
const PATIENCE_MS = 4_000;

const detailSchema = z.object({
  subject: z.string().max(100).optional(),
  count: z.number().optional(),
});

/** What to do about refusals of one reason: those of tokens, and that of a web page. */
const remedies: ReadonlyMap<string, string> = new Map([
  ...Object.entries(refusals).map(([reason, { remedy }]): [string, string] => [reason, remedy]),
  ['origin', 'Add the origin of the web page to MREG_ALLOWED_ORIGINS, or find out whose page it is.'],
]);

const finding = defineFindings({
  refusals_in_common: ({
    message,
    ...facts
  }: {
    message: string;
    reason: string;
    [fact: string]: unknown;
  }) => ({
    severity: 'warning',
    message,
    evidence: facts,
    remedy:
      remedies.get(facts.reason) ?? 'Ask these users what they tried, and check whether they lack a role.',
  }),
  no_refusals: (facts: { before: string }) => ({
    severity: 'info',
    message: 'the audit trail of this tenant has no refusals of that time',
    evidence: facts,
    remedy: 'Search the first tenant of MREG_TENANTS: refused tokens are recorded there.',
  }),
});

/** Reads the refusals before the event, and records what they have in common. */
export const handleAuthenticationFailure = (deps: HandlerDeps): Task =>
  defineTask({
    name: 'handle_authentication_failure',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      'Reads the refusals of the ten minutes before the event, reports what they have in common (reason, actor, minute, trace), and records that in the audit trail.',
    timeoutMs: 30_000,
    input: eventSchema,
    output: reportSchema.extend({ recorded: z.literal(true), afterMs: z.number() }),
    async run(event, helpers) {
      const { tenantId, traceId, clock, signal } = helpers;
      const { subject, count = 0 } = detailSchema.safeParse(event.detail).data ?? {};
      const raisedAt = new Date(event.raisedAt);
      const read = await withTimeout(READ_WITHIN_MS, signal, (own) =>
        refusalsAround(raisedAt, { subject, count }, { ...helpers, signal: own }, deps),
      );
      const refusals = read.ok ? read.value : [];
      const groups = [...Map.groupBy(refusals, reasonOf)].sort(([, a], [, b]) => b.length - a.length);
      const afterMs = clock.now().getTime() - raisedAt.getTime();
      const record = (action: string, resource: string, counted?: number) => {
        deps.audit.append({
          tenantId,
          actor: 'mcp-security-auditor',
          action,
          resource,
          decision: 'allowed',
          outcome: 'succeeded',
          durationMs: Math.max(0, afterMs),
          traceId,
          ...(counted !== undefined && { count: counted }),
        });
      };
      record('events.authentication_failure', `events/${event.eventId}`);
      for (const [reason, group] of groups.slice(0, 5))
        record('refusals.found', `events/${event.eventId}/${reason}`, sumOfActs(group));
      const findings = read.ok
        ? groups.map(([reason, group]) => commonFinding(reason, group))
        : [sharedFinding('refusals_unread', { reason: read.error.message })];
      if (read.ok && groups.length === 0)
        findings.push(finding('no_refusals', { before: raisedAt.toISOString() }));
      return succeed({
        summary:
          groups.length === 0
            ? 'No refusals were found in the audit trail.'
            : `${sumOfActs(refusals)} refusals in ten minutes, most of them ${groups[0]?.[0] ?? ''}.`,
        facts: {
          refusals: sumOfActs(refusals),
          byReason: tally(refusals, reasonOf),
          byActor: tally(refusals, ({ actor }) => actor),
        },
        findings,
        recorded: true as const,
        afterMs,
      });
    },
  });

const reasonOf = ({ action, resource }: AuditRecord): string => (action === 'sign_in' ? resource : action);

/** Waits until the audit trail holds as many refusals of the subject as the event says, or until the patience ends. */
async function refusalsAround(
  raisedAt: Date,
  { subject, count }: { readonly subject?: string | undefined; readonly count: number },
  { tenantId, signal }: Pick<TaskHelpers, 'tenantId' | 'signal'>,
  { audit, trail }: HandlerDeps,
): Promise<readonly AuditRecord[]> {
  await audit.flush();
  const from = new Date(raisedAt.getTime() - LOOK_BACK_MS);
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const { records } = await readRecords(trail, tenantId, { from }, { limit: MAX_RECORDS, signal });
    const refused = records.filter((record) => isAccessRefusal(record) && hasFailed(record));
    const found = sumOfActs(
      refused.filter((record) => subject === undefined || reasonOf(record) === subject),
    );
    if (found >= count || performance.now() > giveUpAt) return refused;
    await delay(PAUSE_MS, undefined, { signal });
  }
}

/** Returns what the refusals of one reason share. Client addresses are only in the log of the front end. */
function commonFinding(reason: string, group: readonly AuditRecord[]): Finding {
  const actors = new Set(group.map(({ actor }) => actor));
  const traces = new Set(group.map(({ traceId }) => traceId).filter((id) => id !== ''));
  const [newest] = group;
  const [only] = actors;
  const by =
    actors.size !== 1
      ? `by ${actors.size} actors`
      : only === 'unknown'
        ? 'by nobody who is known'
        : `all by ${only ?? ''}`;
  return finding('refusals_in_common', {
    message: `${sumOfActs(group)} refusals of ${reason}, ${by}${traces.size === 1 ? ', all in one trace' : ''}`,
    reason,
    count: sumOfActs(group),
    from: group.at(-1)?.at ?? null,
    to: newest?.at ?? null,
    actors: tally(group, ({ actor }) => actor),
    traces: [...traces].slice(0, 5),
  });
}
