import type { AuditRecord } from '../../audit/model/record.ts';

export const MINUTE_MS = 60_000;
/** How many names of one kind are listed; the others are summed up. */
export const TOP = 10;

/** Returns how many acts a record stands for. The `count` of other records has another meaning. */
const weight = ({ count = 1, decision, action }: AuditRecord): number =>
  decision === 'refused' || action === 'audit.overflow' ? count : 1;

/** Returns how many acts the records stand for. */
export const sumOfActs = (records: readonly AuditRecord[]): number =>
  records.reduce((total, record) => total + weight(record), 0);

/** Counts acts by name: the most frequent names, and the sum of the others. */
export function tally(
  records: readonly AuditRecord[],
  nameOf: (record: AuditRecord) => string,
): Readonly<Record<string, number>> {
  const counts = [...Map.groupBy(records, nameOf)]
    .map(([name, group]): [string, number] => [name, sumOfActs(group)])
    .sort(([, a], [, b]) => b - a);
  const others = counts.slice(TOP).reduce((total, [, count]) => total + count, 0);
  return { ...Object.fromEntries(counts.slice(0, TOP)), ...(others > 0 && { others }) };
}

/** Whether a refusal is a failure. A first request without a token is not: its answer says where to get one. */
export const hasFailed = ({ action, resource }: AuditRecord): boolean =>
  action !== 'sign_in' || resource !== 'missing';

/** Returns the number of the minute of a record, since 1970. */
export const minuteOf = ({ at }: AuditRecord): number => Math.floor(Date.parse(at) / MINUTE_MS);

/** Returns the minute with the most acts; undefined without records. */
export function densestMinute(
  records: readonly AuditRecord[],
): { readonly from: string; readonly count: number } | undefined {
  const [minute] = [...Map.groupBy(records, minuteOf)]
    .map(([start, group]) => ({ from: new Date(start * MINUTE_MS).toISOString(), count: sumOfActs(group) }))
    .sort((a, b) => b.count - a.count);
  return minute;
}

/** How long an act may run before its second record counts as missing. */
const UNENDED_AFTER_MS = 15 * MINUTE_MS;

/** Returns acts whose second record is missing. */
export function unendedActs(records: readonly AuditRecord[], now: Date): readonly AuditRecord[] {
  const ended = new Set(records.map(({ begunBy }) => begunBy));
  const before = now.getTime() - UNENDED_AFTER_MS;
  return records.filter(
    ({ id, outcome, at }) => outcome === 'begun' && Date.parse(at) < before && !ended.has(id),
  );
}

/** Returns the longest time between two records, newest first; undefined for fewer than two. */
export function longestSilence(
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
