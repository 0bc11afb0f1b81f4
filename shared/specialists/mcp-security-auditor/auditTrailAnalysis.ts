import * as z from 'zod';
import { createDigest } from '../../audit/model/hashChain.ts';
import { type AuditRecord, isAccessRefusal } from '../../audit/model/record.ts';
import { verifyTrail } from '../../audit/verify/verifyTrail.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import type { Finding } from '../finding.ts';
import { type Inspection, inspectionsOf } from '../inspection.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';
import { chainFindings } from './auditVerification.ts';
import {
  densestMinute,
  hasFailed,
  longestSilence,
  MINUTE_MS,
  minuteOf,
  sumOfActs,
  tally,
  TOP,
  unendedActs,
} from './recordStatistics.ts';
import { finding, type WorkingHours } from './trailFindings.ts';

const DAY_MS = 24 * 3_600_000;
const moment = z.iso.datetime({ offset: true });
const hour = z.int().min(0).max(24);
const defaultHours: WorkingHours = { from: 6, to: 20, offsetMinutes: 0 };

/** This many refusals within a minute are not an accident. The apps themselves raise an event at ten refusals of one reason. */
const BURST = 20;
const SILENCE_MS = 12 * 3_600_000;
const inputSchema = z.strictObject({
  from: moment.optional().describe('Start of the span; a day before `to` when absent.'),
  to: moment.optional().describe('End of the span; now when absent.'),
  maxRecords: z
    .int()
    .min(1)
    .max(20_000)
    .default(5_000)
    .describe('If there are more records, the newest are analysed.'),
  workingHours: z
    .strictObject({
      from: hour.describe('The hour from which people work.'),
      to: hour.describe('The hour until which people work.'),
      offsetMinutes: z
        .int()
        .min(-840)
        .max(840)
        .default(0)
        .describe('How many minutes their time zone is ahead of UTC.'),
    })
    .default(defaultHours)
    .describe('The report names changes by people outside these hours.'),
});
type Input = z.output<typeof inputSchema>;

const { report } = inspectionsOf('mcp-security-auditor');

export const auditTrailAnalysis = (deps: Pick<SpecialistDeps, 'trail'>): Task =>
  report({
    name: 'audit_trail_analysis',
    permissions: ['audit.read'],
    description:
      "Verifies the hash chains of the tenant's audit trail and analyses the records of a span of time: refusals by reason and actor, bursts, changes at odd hours, silence, acts without an end, lost records.",
    timeoutMs: 120_000,
    input: inputSchema,
    async inspect(input, helpers) {
      const { facts, findings } = await analyseTrail(input, helpers, deps);
      const [first] = findings;
      const summary = first
        ? `The audit trail has ${findings.length} findings; the first: ${first.message}.`
        : 'The audit trail is unchanged, and nothing in it stands out.';
      return { summary, facts, findings };
    },
  });

const VERIFY_WITHIN_MS = 80_000;
const READ_WITHIN_MS = 60_000;

/** Verifies the hash chains and analyses the records of a span, each with its own timeout. */
export async function analyseTrail(
  { from, to, maxRecords, workingHours: hours }: Input,
  { tenantId, clock, signal }: Pick<TaskHelpers, 'tenantId' | 'clock' | 'signal'>,
  { trail }: Pick<SpecialistDeps, 'trail'>,
): Promise<Inspection> {
  const now = clock.now();
  const end = to === undefined ? now : new Date(to);
  const span = { from: from === undefined ? new Date(end.getTime() - DAY_MS) : new Date(from), to: end };
  const [verified, read] = await Promise.all([
    withTimeout(VERIFY_WITHIN_MS, signal, (own) =>
      verifyTrail(tenantId, span, { store: trail, digest: createDigest(), signal: own }),
    ),
    withTimeout(READ_WITHIN_MS, signal, (own) =>
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
        : [finding('chains_unverified', { reason: verified.error.message })]),
      ...(read.ok ? [] : [finding('records_unread', { reason: read.error.message })]),
      ...(read.ok && read.value.cutAt !== undefined
        ? [finding('span_cut', { maxRecords, cutAt: read.value.cutAt })]
        : []),
      ...analysis.findings,
    ],
  };
}

/** Returns the input to analyse the last day, for other tasks. */
export const lastDay = (maxRecords: number): Input => ({ maxRecords, workingHours: defaultHours });

/** Whether an act changes something. Tool calls do not count. */
const isChange = ({ action, decision }: AuditRecord): boolean =>
  decision === 'allowed' &&
  /\.(create|register|import|update|removal|delete|replace|cancel|end|publish|edit|status|requeue|revoke|lift)$/.test(
    action,
  );
const isPerson = ({ actor }: AuditRecord): boolean => /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(actor);

/** Analyses the records of a span, newest first. Pure. */
export function analyseRecords(
  records: readonly AuditRecord[],
  { now, hours }: { readonly now: Date; readonly hours: WorkingHours },
): Inspection {
  // A check of the gateway by itself counts for nobody.
  const acts = records.filter(({ ownCheck }) => ownCheck !== true);
  const refused = acts.filter(isAccessRefusal);
  const mistaken = acts.filter((record) => record.decision === 'refused' && !isAccessRefusal(record));
  const unended = unendedActs(records, now);
  const lost = records.filter(({ action }) => action === 'audit.overflow');
  const odd = acts.filter((record) => isChange(record) && isPerson(record) && isOdd(record, hours));
  const silence = longestSilence(acts);
  const busiest = densestMinute(refused);
  return {
    facts: {
      records: records.length,
      ownChecks: records.length - acts.length,
      first: records.at(-1)?.at ?? null,
      last: records[0]?.at ?? null,
      byDecision: tally(acts, ({ decision }) => decision),
      byAction: tally(acts, ({ action }) => action),
      refusals: {
        total: sumOfActs(refused),
        byReason: tally(refused, ({ action, resource }) =>
          action === 'sign_in' ? `sign_in: ${resource}` : action,
        ),
        byActor: tally(refused, ({ actor }) => actor),
        ...(busiest && { busiestMinute: busiest }),
      },
      mistakes: {
        total: sumOfActs(mistaken),
        byResource: tally(mistaken, ({ resource }) => resource),
        byActor: tally(mistaken, ({ actor }) => actor),
      },
      longestSilence: silence ?? null,
    },
    findings: [
      ...burstFindings(refused),
      ...guessFindings(mistaken),
      ...(lost.length > 0
        ? [finding('records_lost', { count: sumOfActs(lost), at: lost.slice(0, TOP).map(({ at }) => at) })]
        : []),
      ...(unended.length > 0
        ? [finding('acts_unended', { count: unended.length, acts: unended.slice(0, TOP).map(unendedAct) })]
        : []),
      ...(odd.length > 0
        ? [
            finding('odd_hours', {
              count: odd.length,
              hours,
              byActor: tally(odd, ({ actor }) => actor),
              acts: odd.slice(0, TOP).map(({ id, at, action, actor }) => ({ id, at, action, actor })),
            }),
          ]
        : []),
      ...(silence && silence.ms >= SILENCE_MS ? [finding('silence', silence)] : []),
    ],
  };
}

const unendedAct = ({ id, at, action, resource }: AuditRecord) => ({ id, at, action, resource });

/** Returns the densest minute for each reason of refusal, if it is no accident. */
function burstFindings(refused: readonly AuditRecord[]): Finding[] {
  const byReason = Map.groupBy(refused.filter(hasFailed), ({ action, resource }) => `${action} ${resource}`);
  return [...byReason].flatMap(([, group]) => {
    const [{ action, resource } = { action: '', resource: '' }] = group;
    const burst = densestMinute(group);
    if (!burst || burst.count < BURST) return [];
    const within = group.filter(
      (record) => minuteOf(record) === Math.floor(Date.parse(burst.from) / MINUTE_MS),
    );
    const byActor = tally(within, ({ actor }) => actor);
    return [finding('burst_of_refusals', { action, resource, ...burst, byActor })];
  });
}

/** Returns the densest minute of requests for what does not exist, if it is no accident. */
function guessFindings(mistaken: readonly AuditRecord[]): Finding[] {
  return [...Map.groupBy(mistaken, ({ actor }) => actor)].flatMap(([actor, group]) => {
    const burst = densestMinute(group);
    if (!burst || burst.count < BURST) return [];
    return [
      finding('burst_of_mistakes', { actor, ...burst, byResource: tally(group, ({ resource }) => resource) }),
    ];
  });
}

function isOdd({ at }: AuditRecord, { from, to, offsetMinutes }: WorkingHours): boolean {
  const hour = new Date(Date.parse(at) + offsetMinutes * MINUTE_MS).getUTCHours();
  return from <= to ? hour < from || hour >= to : hour < from && hour >= to;
}
