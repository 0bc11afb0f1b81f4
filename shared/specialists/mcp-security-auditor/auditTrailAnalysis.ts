import { z } from 'zod';
import { createDigest } from '../../audit/model/hashChain.ts';
import { verifyTrail } from '../../audit/verify/verifyTrail.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { type Analysis, type WorkingHours, analyseRecords } from './analyseRecords.ts';
import { chainFindings } from './auditVerification.ts';
import { readRecords } from '../readRecords.ts';

const DAY_MS = 24 * 3_600_000;
const moment = z.iso.datetime({ offset: true });
const hour = z.int().min(0).max(24);
const defaultHours: WorkingHours = { from: 6, to: 20, offsetMinutes: 0 };

const inputSchema = z.strictObject({
  from: moment.optional().describe('The first moment; a day before `to` when absent.'),
  to: moment.optional().describe('The last moment; now when absent.'),
  maxRecords: z.int().min(1).max(20_000).default(5_000).describe('Of more, the newest are analysed.'),
  workingHours: z
    .strictObject({
      from: hour.describe('The hour from which people work.'),
      to: hour.describe('The hour until which they do.'),
      offsetMinutes: z
        .int()
        .min(-840)
        .max(840)
        .default(0)
        .describe('Minutes that their time zone is ahead of UTC.'),
    })
    .default(defaultHours)
    .describe('Changes by people outside of these hours are told.'),
});
type Input = z.output<typeof inputSchema>;

export const auditTrailAnalysis = (deps: Pick<SpecialistDeps, 'trail'>): Task =>
  defineTask({
    name: 'audit_trail_analysis',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      "Verifies the chains of the tenant's audit trail and analyses the records of a span of time: refusals by reason and actor, bursts, changes at odd hours, silence, acts without an end, lost records.",
    timeoutMs: 120_000,
    input: inputSchema,
    output: reportSchema,
    run: async (input, helpers) => {
      const { facts, findings } = await analyseTrail(input, helpers, deps);
      const [first] = findings;
      return succeed({
        summary: first
          ? `The trail has ${findings.length} things to look at, first: ${first.message}.`
          : 'The trail is as it was written, and nothing in it stands out.',
        facts,
        findings: [...findings],
      });
    },
  });

const VERIFY_WITHIN_MS = 80_000;
const READ_WITHIN_MS = 60_000;

/** The chains and the records of a span, each within its time. */
export async function analyseTrail(
  { from, to, maxRecords, workingHours: hours }: Input,
  { tenantId, clock, signal }: Pick<TaskHelpers, 'tenantId' | 'clock' | 'signal'>,
  { trail }: Pick<SpecialistDeps, 'trail'>,
): Promise<Analysis> {
  const now = clock.now();
  const end = to === undefined ? now : new Date(to);
  const span = { from: from === undefined ? new Date(end.getTime() - DAY_MS) : new Date(from), to: end };
  const [verified, read] = await Promise.all([
    withinTime(VERIFY_WITHIN_MS, signal, (own) =>
      verifyTrail(tenantId, span, { store: trail, digest: createDigest(), signal: own }),
    ),
    withinTime(READ_WITHIN_MS, signal, (own) =>
      readRecords(trail, tenantId, span, { limit: maxRecords, signal: own }),
    ),
  ]);
  const analysis = analyseRecords(read.ok ? read.value.records : [], { now, hours });
  return {
    facts: {
      from: span.from.toISOString(),
      to: span.to.toISOString(),
      ...(verified.ok && { verified: verified.value.verified, segments: verified.value.segments }),
      ...analysis.facts,
    },
    findings: [
      ...(verified.ok
        ? chainFindings(verified.value)
        : [unread('chains_unverified', 'verified', verified.error.message)]),
      ...(read.ok ? [] : [unread('records_unread', 'analysed', read.error.message)]),
      ...(read.ok && read.value.cutAt !== undefined ? [cut(maxRecords, read.value.cutAt)] : []),
      ...analysis.findings,
    ],
  };
}

const unread = (rule: string, done: string, reason: string): Finding => ({
  rule,
  severity: 'warning',
  message: `the trail was not ${done}: ${reason}`,
  evidence: { reason },
  remedy: 'Ask for a shorter span; if that does not help, look at the storage account of the gateway.',
});

const cut = (maxRecords: number, cutAt: string): Finding => ({
  rule: 'span_cut',
  severity: 'info',
  message: `the span has more than ${maxRecords} records: those before ${cutAt} were not analysed`,
  evidence: { maxRecords, cutAt },
  remedy: 'Ask for the rest with this moment as `to`.',
});

/** The input of an analysis of the last day, for other tasks. */
export const lastDay = (maxRecords: number): Input => ({ maxRecords, workingHours: defaultHours });
