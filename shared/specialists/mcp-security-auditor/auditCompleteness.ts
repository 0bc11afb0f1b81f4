import * as z from 'zod';
import { createDigest } from '../../audit/model/hashChain.ts';
import type { AuditRecord } from '../../audit/model/record.ts';
import { verifyTrail } from '../../audit/verify/verifyTrail.ts';
import type { Delegation } from '../../orchestration/model/delegation.ts';
import { HEALTH_PLAN, type Plan } from '../../orchestration/model/plan.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { succeed } from '../../platform/base/result.ts';
import type { Page } from '../../platform/tables/tables.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, verdict, verdictSchema } from '../finding.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';
import { chainFindings } from './auditVerification.ts';

const inputSchema = z.strictObject({
  minutes: z.int().min(1).max(1_440).default(60).describe('The length of the span, in minutes before now.'),
});

const READ_WITHIN_MS = 20_000;
const MAX_RECORDS = 10_000;
/** How many delegations and plans are read: the newest. No time bounds them, because a forged row may have any id. */
const MAX_ROWS = 2_000;
/** An instance stores records within about a second, and later if the store is unavailable. Its clock may be behind. */
const SETTLED_AFTER_MS = 15_000 + CLOCK_TOLERANCE_MS;
/** How long after its request work may begin, for example if a plan registers many servers one after another. */
const ASKED_BEFORE_MS = 15 * 60_000;

const finding = defineFindings({
  not_compared: ({ what, reason }: { what: string; reason: string }) => ({
    severity: 'critical',
    message: `the ${what} could not be read: ${reason}`,
    remedy: 'Check the storage account of the gateway, then run the check again.',
  }),
  request_unrecorded: (facts: Missing) => ({
    severity: 'critical',
    message: `${facts.count} pieces of work were done without a record of their request`,
    evidence: { ...facts },
    remedy:
      'This record is stored before the work: find out who may write to the tables besides the apps, and verify the audit trail.',
  }),
  end_unrecorded: (facts: Missing) => ({
    severity: 'warning',
    message: `${facts.count} pieces of work have no record of their end`,
    evidence: { ...facts },
    remedy:
      'An app that is killed loses the records of its last second: check whether one was killed at that time. If not, search the log for audit_write_failed.',
  }),
});
interface Missing {
  readonly count: number;
  readonly of: readonly object[];
}
const notCompared = (what: string, reason: string): Finding => finding('not_compared', { what, reason });

export const auditTrailCompleteness = (deps: Pick<SpecialistDeps, 'delegations' | 'plans' | 'trail'>): Task =>
  defineTask({
    name: 'audit_trail_completeness',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      'Compares the delegations and plans that ended lately with the audit trail, where each must have its record under its trace, and verifies the hash chains of that time.',
    timeoutMs: 45_000,
    input: inputSchema,
    output: verdictSchema,
    async run({ minutes }, { tenantId, clock, signal }) {
      const now = clock.now();
      const from = new Date(now.getTime() - minutes * 60_000);
      const settled = new Date(now.getTime() - SETTLED_AFTER_MS);
      const rows = await withTimeout(READ_WITHIN_MS, signal, (own) =>
        Promise.all([
          newestRowsOf((limit, after) => deps.delegations.list(tenantId, {}, limit, after), own),
          newestRowsOf((limit, after) => deps.plans.list(tenantId, {}, limit, after), own),
        ]),
      );
      // Read after the rows, so that the records of all work in these rows are stored already.
      const [read, checked] = await Promise.all([
        withTimeout(READ_WITHIN_MS, signal, (own) =>
          readRecords(deps.trail, tenantId, { from: before(from) }, { limit: MAX_RECORDS, signal: own }),
        ),
        withTimeout(READ_WITHIN_MS, signal, (own) =>
          verifyTrail(tenantId, { from }, { store: deps.trail, digest: createDigest(), signal: own }),
        ),
      ]);
      const findings: Finding[] = [];
      let compared = 0;
      if (!rows.ok) findings.push(notCompared('delegations and plans', rows.error.message));
      if (!read.ok) findings.push(notCompared('records of the audit trail', read.error.message));
      if (!checked.ok) findings.push(notCompared('hash chains of the audit trail', checked.error.message));
      else findings.push(...chainFindings(checked.value));
      if (rows.ok && read.ok) {
        const [delegations, plans] = rows.value;
        const { cutAt } = read.value;
        const complete = cutAt === undefined ? from : new Date(Date.parse(cutAt) + ASKED_BEFORE_MS);
        const since = new Date(Math.max(from.getTime(), complete.getTime())).toISOString();
        const isDue = ({ createdAt, finishedAt }: { createdAt: string; finishedAt?: string | undefined }) =>
          createdAt > since && finishedAt !== undefined && new Date(finishedAt) < settled;
        const expected = [...delegations.filter(isDue).map(ofDelegation), ...plans.filter(isDue).map(ofPlan)];
        compared = expected.length;
        findings.push(...missingRecords(expected, read.value.records));
      }
      return succeed(
        verdict(findings, {
          from: from.toISOString(),
          compared,
          records: read.ok ? read.value.records.length : 0,
          ...(read.ok && read.value.cutAt !== undefined && { recordsSince: read.value.cutAt }),
          ...(checked.ok && { verified: checked.value.verified, segments: checked.value.segments }),
        }),
      );
    },
  });

const before = (moment: Date): Date => new Date(moment.getTime() - ASKED_BEFORE_MS);

/** Reads the newest rows, at most `MAX_ROWS` and what is left of a page. */
async function newestRowsOf<T>(
  list: (limit: number, after?: string) => Promise<Page<T>>,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const rows: T[] = [];
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const page: Page<T> = await list(200, after);
    rows.push(...page.items);
    after = page.after;
  } while (after !== undefined && rows.length < MAX_ROWS);
  return rows;
}

/** A record that must be in the audit trail. */
interface Expected {
  readonly what: string;
  readonly action: string;
  readonly resource: string;
  readonly traceId: string;
  readonly finishedAt: string;
  /** Whether a person requested the work, which must be recorded too. */
  readonly isRequested: boolean;
}

const isPerson = (requester: string | undefined): boolean =>
  requester !== undefined && z.guid().safeParse(requester).success;

function ofDelegation({
  id,
  agent,
  task,
  traceparent,
  finishedAt = '',
  planId,
  requestedBy,
}: Delegation): Expected {
  return {
    what: `delegations/${id}`,
    action: 'delegations.run',
    resource: `agents/${agent}/tasks/${task}`,
    traceId: continueTrace(traceparent).traceId,
    finishedAt,
    isRequested: planId === undefined && isPerson(requestedBy),
  };
}

const ofPlan = ({ id, name, requestedBy, traceparent, finishedAt = '' }: Plan): Expected => ({
  what: `plans/${id}`,
  action: 'plans.run',
  resource: `plans/${id}`,
  traceId: continueTrace(traceparent).traceId,
  finishedAt,
  // Health checks begin this plan without a record of the request, since it changes nothing.
  isRequested: name !== HEALTH_PLAN && isPerson(requestedBy),
});

const MAX_NAMED = 20;

/** Returns the findings for missing records, by what is missing. */
function missingRecords(expected: readonly Expected[], records: readonly AuditRecord[]): Finding[] {
  const ended = new Set(records.map(({ traceId, action, resource }) => `${traceId} ${action} ${resource}`));
  const requests = records.filter(
    ({ action, decision }) =>
      decision === 'allowed' && action !== 'delegations.run' && action !== 'plans.run',
  );
  const requested = new Set(requests.map(({ traceId }) => traceId));
  const unended = expected.filter(
    ({ traceId, action, resource }) => !ended.has(`${traceId} ${action} ${resource}`),
  );
  const unrequested = expected.filter(({ isRequested, traceId }) => isRequested && !requested.has(traceId));
  const name = (gone: readonly Expected[]) => ({
    count: gone.length,
    of: gone.slice(0, MAX_NAMED).map(({ what, finishedAt, traceId }) => ({ what, finishedAt, traceId })),
  });
  return [
    ...(unrequested.length > 0 ? [finding('request_unrecorded', name(unrequested))] : []),
    ...(unended.length > 0 ? [finding('end_unrecorded', name(unended))] : []),
  ];
}
