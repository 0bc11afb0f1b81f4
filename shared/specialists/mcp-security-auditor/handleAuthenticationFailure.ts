import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { AuditRecord } from '../../audit/model/record.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { eventSchema } from '../eventHandlers.ts';
import { withinTime } from '../withTimeout.ts';
import { hasFailed, tally } from './analyseRecords.ts';
import { readRecords } from '../readRecords.ts';

type HandlerDeps = Pick<SpecialistDeps, 'audit' | 'trail'>;

const LOOK_BACK_MS = 10 * 60_000;
const MAX_RECORDS = 2_000;
const READ_WITHIN_MS = 10_000;
/** The refusals that raised the event are in the trail within about a second; the other app writes its own. */
const PAUSE_MS = 400;
const PATIENCE_MS = 4_000;

const detailSchema = z.object({
  subject: z.string().max(100).optional(),
  count: z.number().optional(),
});

/** What to do about refusals of one reason. */
const remedies: ReadonlyMap<string, string> = new Map(
  Object.entries({
    expired: 'A client does not renew its token: restart it, or sign in there again.',
    wrong_audience: 'A client asks for tokens of another application: correct its client id or scope.',
    bad_signature:
      'Somebody tries tokens that the issuer has not signed: block the address at the front end.',
    repeated: 'A client or a proxy sends two tokens: let it send one.',
    malformed: 'Somebody sends what is no token: block the address at the front end, or correct the client.',
    unknown_tenant:
      'Users of a tenant that is not in MREG_TENANTS try to sign in: add it, or block the address.',
    no_scope: 'A client does not ask for the scope of this gateway: correct its settings.',
    no_role: 'Users without a role try to sign in: assign them an app role.',
    origin: 'A web page calls that is not in MREG_ALLOWED_ORIGINS: add its origin, or find out whose it is.',
  }),
);

/** Looks at the refusals around the event and records what they have in common. */
export const handleAuthenticationFailure = (deps: HandlerDeps): Task =>
  defineTask({
    name: 'handle_authentication_failure',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      'Looks at the refusals of the ten minutes before the event, says what they have in common (reason, actor, minute, trace) and records that in the audit trail.',
    timeoutMs: 30_000,
    input: eventSchema,
    output: reportSchema.extend({ recorded: z.literal(true), afterMs: z.number() }),
    async run(event, helpers) {
      const { tenantId, traceId, clock, signal } = helpers;
      const { subject, count = 0 } = detailSchema.safeParse(event.detail).data ?? {};
      const raisedAt = new Date(event.raisedAt);
      const read = await withinTime(READ_WITHIN_MS, signal, (own) =>
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
        record('refusals.found', `events/${event.eventId}/${reason}`, total(group));
      const findings = read.ok
        ? groups.map(([reason, group]) => commonFinding(reason, group))
        : [unread(read.error.message)];
      if (read.ok && groups.length === 0) findings.push(nothingThere(raisedAt));
      return succeed({
        summary:
          groups.length === 0
            ? 'No refusals were found in the audit trail.'
            : `${total(refusals)} refusals in ten minutes, most of them ${groups[0]?.[0] ?? ''}.`,
        facts: {
          refusals: total(refusals),
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

const total = (records: readonly AuditRecord[]): number =>
  records.reduce((sum, { count }) => sum + (count ?? 1), 0);

/** Those of the subject, if it names one, are waited for until there are as many as the event says, or patience ends. */
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
    const refused = records.filter((record) => record.decision === 'refused' && hasFailed(record));
    const found = total(refused.filter((record) => subject === undefined || reasonOf(record) === subject));
    if (found >= count || performance.now() > giveUpAt) return refused;
    await delay(PAUSE_MS, undefined, { signal });
  }
}

/** What the refusals of one reason share. The trail knows no addresses: those are in the log of the front end. */
function commonFinding(reason: string, group: readonly AuditRecord[]): Finding {
  const actors = new Set(group.map(({ actor }) => actor));
  const traces = new Set(group.map(({ traceId }) => traceId).filter((id) => id !== ''));
  const [newest] = group;
  const [only] = actors;
  const by =
    actors.size === 1
      ? only === 'unknown'
        ? 'by nobody who is known'
        : `all by ${only ?? ''}`
      : `by ${actors.size} actors`;
  const together = traces.size === 1 ? ', all in one trace' : '';
  return {
    rule: 'refusals_in_common',
    severity: 'warning',
    message: `${total(group)} refusals of ${reason}, ${by}${together}`,
    evidence: {
      reason,
      count: total(group),
      from: group.at(-1)?.at ?? null,
      to: newest?.at ?? null,
      actors: tally(group, ({ actor }) => actor),
      traces: [...traces].slice(0, 5),
    },
    remedy: remedies.get(reason) ?? 'Ask those users what they tried, and whether they lack a role.',
  };
}

const unread = (reason: string): Finding => ({
  rule: 'refusals_unread',
  severity: 'warning',
  message: `the refusals could not be read: ${reason}`,
  evidence: { reason },
  remedy: 'Look at the storage account of the gateway, then ask for audit_trail_analysis.',
});

const nothingThere = (raisedAt: Date): Finding => ({
  rule: 'no_refusals',
  severity: 'info',
  message: 'the trail of this tenant has no refusals of that time',
  evidence: { before: raisedAt.toISOString() },
  remedy: 'Refused tokens are recorded for the first tenant of MREG_TENANTS: ask there.',
});
