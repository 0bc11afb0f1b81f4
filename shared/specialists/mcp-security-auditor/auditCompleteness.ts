import { z } from 'zod';
import { createDigest } from '../../audit/model/hashChain.ts';
import { verifyTrail } from '../../audit/verify/verifyTrail.ts';
import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import type { Page } from '../../platform/tables/tables.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { chainFindings } from './auditVerification.ts';
import { missing, ofDelegation, ofPlan } from './expectedRecords.ts';
import { readRecords } from '../readRecords.ts';

const inputSchema = z.strictObject({
  minutes: z.int().min(1).max(1_440).default(60).describe('How far back to look.'),
});

const LOOK_WITHIN_MS = 20_000;
const MAX_RECORDS = 10_000;
/** Rows of delegations, and of plans, that are read: lists are in the order of random ids, so that these are a sample. */
const MAX_ROWS = 2_000;
/** An instance stores what it holds within about a second, and later while the store is away. Its clock may be behind. */
const SETTLED_AFTER_MS = 15_000 + CLOCK_TOLERANCE_MS;
/** Work may be made so long after it was asked for, as servers are that a plan registers one after another. */
const ASKED_BEFORE_MS = 15 * 60_000;

export const auditTrailCompleteness = (
  deps: Pick<SpecialistDeps, 'delegations' | 'plans' | 'trail' | 'newId'>,
): Task =>
  defineTask({
    name: 'audit_trail_completeness',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      'Holds the delegations and plans that ended lately against the audit trail, where each must have its record under its trace, and verifies that the chains of that time are whole.',
    timeoutMs: 45_000,
    input: inputSchema,
    output: verdictSchema,
    async run({ minutes }, { tenantId, clock, signal }) {
      const now = clock.now();
      const from = new Date(now.getTime() - minutes * 60_000);
      const settled = new Date(now.getTime() - SETTLED_AFTER_MS);
      const start = deps.newId();
      const sample = <T extends { readonly id: string }>(
        list: (limit: number, after?: string) => Promise<Page<T>>,
        own: AbortSignal,
      ) => sampleRows(list, start, own);
      const rows = await withinTime(LOOK_WITHIN_MS, signal, (own) =>
        Promise.all([
          sample((limit, after) => deps.delegations.list(tenantId, {}, limit, after), own),
          sample((limit, after) => deps.plans.list(tenantId, {}, limit, after), own),
        ]),
      );
      // After the rows: whatever ended before they were read and has settled must be there.
      const [read, checked] = await Promise.all([
        withinTime(LOOK_WITHIN_MS, signal, (own) =>
          readRecords(deps.trail, tenantId, { from: before(from) }, { limit: MAX_RECORDS, signal: own }),
        ),
        withinTime(LOOK_WITHIN_MS, signal, (own) =>
          verifyTrail(tenantId, { from }, { store: deps.trail, digest: createDigest(), signal: own }),
        ),
      ]);
      const findings: Finding[] = [];
      let compared = 0;
      if (!rows.ok) findings.push(unread('delegations and plans', rows.error.message));
      if (!read.ok) findings.push(unread('records of the trail', read.error.message));
      if (!checked.ok) findings.push(unread('chains of the trail', checked.error.message));
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
        findings.push(...missing(expected, read.value.records));
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

/** Rows from a random place in the order of ids on, and then from the beginning. */
async function sampleRows<T extends { readonly id: string }>(
  list: (limit: number, after?: string) => Promise<Page<T>>,
  start: string,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const rows = new Map<string, T>();
  for (const begin of [start, undefined]) {
    let after = begin;
    do {
      signal.throwIfAborted();
      const page: Page<T> = await list(200, after);
      for (const row of page.items) rows.set(row.id, row);
      after = page.after;
    } while (after !== undefined && rows.size < MAX_ROWS);
    if (rows.size >= MAX_ROWS) break;
  }
  return [...rows.values()];
}

const unread = (what: string, reason: string): Finding => ({
  rule: 'not_compared',
  severity: 'critical',
  message: `the ${what} could not be read: ${reason}`,
  evidence: { what, reason },
  remedy: 'Look at the storage account of the gateway, then run the check again.',
});
