import { z } from 'zod';
import { createDigest } from '../../audit/model/hashChain.ts';
import { type AuditRecord, isAccessRefusal } from '../../audit/model/record.ts';
import { verifyTrail } from '../../audit/verify/verifyTrail.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
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

const DAY_MS = 24 * 3_600_000;
const moment = z.iso.datetime({ offset: true });
const hour = z.int().min(0).max(24);
/** The hours in which people work, in a time zone that is this many minutes ahead of UTC. */
interface WorkingHours {
  readonly from: number;
  readonly to: number;
  readonly offsetMinutes: number;
}
const defaultHours: WorkingHours = { from: 6, to: 20, offsetMinutes: 0 };

/** This many refusals within a minute are not an accident. The apps themselves raise an event at ten refusals of one reason. */
const BURST = 20;
const SILENCE_MS = 12 * 3_600_000;
const finding = defineFindings({
  chains_unverified: ({ reason }: { reason: string }) => ({
    severity: 'warning',
    message: `the hash chains of the audit trail were not verified: ${reason}`,
    remedy: SHORTER_SPAN,
  }),
  records_unread: ({ reason }: { reason: string }) => ({
    severity: 'warning',
    message: `the records of the audit trail were not analysed: ${reason}`,
    remedy: SHORTER_SPAN,
  }),
  span_cut: ({ maxRecords, cutAt }: { maxRecords: number; cutAt: string }) => ({
    severity: 'info',
    message: `the span has more than ${maxRecords} records: records before ${cutAt} were not analysed`,
    remedy: 'Run the task again with this time as `to`.',
  }),
  burst_of_refusals: ({ count, action, resource, ...facts }: Burst) => ({
    severity: 'warning',
    message: `${count} refusals of ${action} (${resource}) within one minute`,
    evidence: { action, resource, count, ...facts },
    remedy:
      action === 'sign_in'
        ? 'Find the client addresses of this minute in the log of the front end: a client with old settings, or an attack.'
        : 'Ask the actor what they tried: they may lack a role, or someone else may use their token.',
  }),
  burst_of_mistakes: ({ count, actor, ...facts }: GuessBurst) => ({
    severity: 'warning',
    message: `${actor} asked for ${count} things that do not exist within one minute`,
    evidence: { actor, count, ...facts },
    remedy:
      'Let the client of this actor read tools/list again: its list is old. If the names look like guesses, find out who uses the token.',
  }),
  records_lost: ({ count }: { count: number; at: readonly string[] }) => ({
    severity: 'warning',
    message: `${count} records were lost while the store was unavailable`,
    remedy: 'Read the log of the apps for this time, and check the storage account.',
  }),
  acts_unended: ({ count, acts }: { count: number; acts: readonly object[] }) => ({
    severity: 'warning',
    message: `${count} acts have no record of their end: the app stopped in between, or they still run`,
    evidence: { acts },
    remedy: 'Check whether each act happened: its first record was written before the act.',
  }),
  odd_hours: ({ count, hours, ...facts }: OddHours) => ({
    severity: 'info',
    message: `${count} changes were made by people outside the hours from ${hours.from} to ${hours.to} o'clock`,
    evidence: facts,
    remedy:
      'Ask these people whether they made the changes. Give the hours and the time zone of the tenant if they differ.',
  }),
  silence: ({ ms, ...facts }: { ms: number; from: string; to: string }) => ({
    severity: 'info',
    message: `nothing was recorded for ${Math.round(ms / 3_600_000)} hours`,
    evidence: facts,
    remedy: 'If the gateway was used in this time, search the log of the apps for audit_write_failed.',
  }),
});
const SHORTER_SPAN =
  'Choose a shorter span. If that does not help, check the storage account of the gateway.';
interface Burst {
  readonly action: string;
  readonly resource: string;
  readonly from: string;
  readonly count: number;
  readonly byActor: Readonly<Record<string, number>>;
}
interface GuessBurst {
  readonly actor: string;
  readonly from: string;
  readonly count: number;
  readonly byResource: Readonly<Record<string, number>>;
}
interface OddHours {
  readonly count: number;
  readonly hours: WorkingHours;
  readonly byActor: Readonly<Record<string, number>>;
  readonly acts: readonly object[];
}

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
  /\.(create|register|import|update|removal|delete|replace|cancel|end|publish|edit|status|requeue|revoke)$/.test(
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
