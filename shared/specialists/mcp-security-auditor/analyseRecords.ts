import type { AuditRecord } from '../../audit/model/record.ts';
import type { Finding } from '../finding.ts';

/** Refusals within a minute that are no accident any more; the apps themselves raise an event at ten of one reason. */
export const BURST = 20;
const MINUTE_MS = 60_000;
const SILENCE_MS = 12 * 3_600_000;
/** How long an act may take until its second record counts as missing. */
const UNENDED_AFTER_MS = 15 * 60_000;
/** Names of a kind that are told apart; the rest is summed up. */
const TOP = 10;

/** The hours in which people work, in a time zone that is so many minutes ahead of UTC. */
export interface WorkingHours {
  readonly from: number;
  readonly to: number;
  readonly offsetMinutes: number;
}

export interface Analysis {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/** An act that changes something, and not a call of a tool. */
const isChange = ({ action, decision }: AuditRecord): boolean =>
  decision === 'allowed' &&
  /\.(create|register|import|update|removal|delete|replace|cancel|end|publish|edit|status|requeue|revoke)$/.test(
    action,
  );
const isPerson = ({ actor }: AuditRecord): boolean => /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(actor);

/** Acts that a record stands for. What others count is not what they did. */
const weight = ({ count = 1, decision, action }: AuditRecord): number =>
  decision === 'refused' || action === 'audit.overflow' ? count : 1;

/** What is worth to know of a span of records, newest first: pure, so that the same records say the same. */
export function analyseRecords(
  records: readonly AuditRecord[],
  { now, hours }: { readonly now: Date; readonly hours: WorkingHours },
): Analysis {
  const refused = records.filter(({ decision }) => decision === 'refused');
  const unended = unendedOf(records, now);
  const lost = records.filter(({ action }) => action === 'audit.overflow');
  const odd = records.filter((record) => isChange(record) && isPerson(record) && isOdd(record, hours));
  const silence = longestSilence(records);
  const busiest = densestMinute(refused);
  return {
    facts: {
      records: records.length,
      first: records.at(-1)?.at ?? null,
      last: records[0]?.at ?? null,
      byDecision: tally(records, ({ decision }) => decision),
      byAction: tally(records, ({ action }) => action),
      refusals: {
        total: sum(refused),
        byReason: tally(refused, ({ action, resource }) =>
          action === 'sign_in' ? `sign_in: ${resource}` : action,
        ),
        byActor: tally(refused, ({ actor }) => actor),
        ...(busiest && { busiestMinute: busiest }),
      },
      longestSilence: silence ?? null,
    },
    findings: [
      ...burstFindings(refused),
      ...(lost.length > 0
        ? [
            finding(
              'records_lost',
              'warning',
              `${sum(lost)} records were lost while the store was away`,
              { count: sum(lost), at: lost.slice(0, TOP).map(({ at }) => at) },
              'Compare what the log of the apps has of that time, and look at the storage account.',
            ),
          ]
        : []),
      ...(unended.length > 0
        ? [
            finding(
              'acts_unended',
              'warning',
              `${unended.length} acts were begun of which no end is recorded: the app died in between, or they go on`,
              {
                acts: unended
                  .slice(0, TOP)
                  .map(({ id, at, action, resource }) => ({ id, at, action, resource })),
              },
              'Look whether each has happened: the record was written before the act.',
            ),
          ]
        : []),
      ...(odd.length > 0
        ? [
            finding(
              'odd_hours',
              'info',
              `${odd.length} changes were made by people outside of ${hours.from} to ${hours.to} o'clock`,
              {
                byActor: tally(odd, ({ actor }) => actor),
                acts: odd.slice(0, TOP).map(({ id, at, action, actor }) => ({ id, at, action, actor })),
              },
              'Ask those people whether it was they. Give the hours and the time zone of the tenant, if others are usual.',
            ),
          ]
        : []),
      ...(silence && silence.ms >= SILENCE_MS
        ? [
            finding(
              'silence',
              'info',
              `nothing was recorded for ${Math.round(silence.ms / 3_600_000)} hours`,
              { from: silence.from, to: silence.to },
              'If the gateway was used in that time, look into the log of the apps for audit_delayed.',
            ),
          ]
        : []),
    ],
  };
}

const finding = (
  rule: string,
  severity: Finding['severity'],
  message: string,
  evidence: Finding['evidence'],
  remedy: string,
): Finding => ({ rule, severity, message, evidence, remedy });

const sum = (records: readonly AuditRecord[]): number =>
  records.reduce((total, record) => total + weight(record), 0);

/** How many acts there are of each name, the most frequent ones by name. */
export function tally(
  records: readonly AuditRecord[],
  nameOf: (record: AuditRecord) => string,
): Readonly<Record<string, number>> {
  const counts = [...Map.groupBy(records, nameOf)]
    .map(([name, group]): [string, number] => [name, sum(group)])
    .sort(([, a], [, b]) => b - a);
  const others = counts.slice(TOP).reduce((total, [, count]) => total + count, 0);
  return { ...Object.fromEntries(counts.slice(0, TOP)), ...(others > 0 && { others }) };
}

/** A client without a token has not failed: it is told where to get one. */
export const hasFailed = ({ action, resource }: AuditRecord): boolean =>
  action !== 'sign_in' || resource !== 'missing';

const minuteOf = ({ at }: AuditRecord): number => Math.floor(Date.parse(at) / MINUTE_MS);

function densestMinute(
  records: readonly AuditRecord[],
): { readonly from: string; readonly count: number } | undefined {
  const [minute] = [...Map.groupBy(records, minuteOf)]
    .map(([start, group]) => ({ from: new Date(start * MINUTE_MS).toISOString(), count: sum(group) }))
    .sort((a, b) => b.count - a.count);
  return minute;
}

/** For each reason of refusal the densest minute, where that is no accident. */
function burstFindings(refused: readonly AuditRecord[]): Finding[] {
  const byReason = Map.groupBy(refused.filter(hasFailed), ({ action, resource }) => `${action} ${resource}`);
  return [...byReason].flatMap(([, group]) => {
    const [{ action, resource } = { action: '', resource: '' }] = group;
    const burst = densestMinute(group);
    if (!burst || burst.count < BURST) return [];
    const within = group.filter(
      (record) => minuteOf(record) === Math.floor(Date.parse(burst.from) / MINUTE_MS),
    );
    return [
      finding(
        'burst_of_refusals',
        'warning',
        `${burst.count} refusals of ${action} (${resource}) within one minute`,
        { action, resource, ...burst, byActor: tally(within, ({ actor }) => actor) },
        action === 'sign_in'
          ? 'Look at the addresses of that minute at the front end: a client with an old setting, or somebody who tries.'
          : 'Ask the actor what they tried, and whether they lack a role or somebody uses their token.',
      ),
    ];
  });
}

function isOdd({ at }: AuditRecord, { from, to, offsetMinutes }: WorkingHours): boolean {
  const hour = new Date(Date.parse(at) + offsetMinutes * MINUTE_MS).getUTCHours();
  return from <= to ? hour < from || hour >= to : hour < from && hour >= to;
}

/** Acts whose second record is missing. */
function unendedOf(records: readonly AuditRecord[], now: Date): readonly AuditRecord[] {
  const ended = new Set(records.map(({ begunBy }) => begunBy));
  const before = now.getTime() - UNENDED_AFTER_MS;
  return records.filter(
    ({ id, outcome, at }) => outcome === 'begun' && Date.parse(at) < before && !ended.has(id),
  );
}

function longestSilence(
  records: readonly AuditRecord[],
): { readonly from: string; readonly to: string; readonly ms: number } | undefined {
  let longest: { from: string; to: string; ms: number } | undefined;
  records.forEach(({ at: to }, index) => {
    const from = records[index + 1]?.at;
    if (from === undefined) return;
    const ms = Date.parse(to) - Date.parse(from);
    if (ms > (longest?.ms ?? -1)) longest = { from, to, ms };
  });
  return longest;
}
