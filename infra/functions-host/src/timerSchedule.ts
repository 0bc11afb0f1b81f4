import { CronExpressionParser } from 'cron-parser';
import type { RetryOptions } from './coreTypes.ts';

/** What is known of a timer between two starts of the host. */
export interface TimerStatus {
  /** The last run; undefined before the first. */
  readonly last: Date | undefined;
  readonly next: Date;
  readonly lastUpdated: Date;
}

/** Gives the first time of a schedule that is later than the given one. */
export type Schedule = (after: Date) => Date;

const NAMES = /\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)\b/gi;
const MINUTE_MS = 60_000;

/**
 * Parses an NCRONTAB expression of six fields, in UTC. Throws on what Azure's parser would refuse, and on a day of
 * month together with a day of week: Azure wants both to hold, the parser used here one of them.
 */
export function parseSchedule(expression: string): Schedule {
  const fields = expression.trim().split(/\s+/);
  const [, , , dayOfMonth, , dayOfWeek] = fields;
  if (fields.length !== 6 || !fields.every((field) => /^[\d*,/-]+$/.test(field.replaceAll(NAMES, '0')))) {
    throw new Error(`'${expression}' is not a schedule of six fields`);
  }
  if (dayOfMonth !== '*' && dayOfWeek !== '*') {
    throw new Error(`'${expression}' names a day of the month and one of the week, which is not run here`);
  }
  const parse = (currentDate: Date) => CronExpressionParser.parse(expression, { currentDate, tz: 'UTC' });
  parse(new Date(0));
  return (after) => parse(after).next().toDate();
}

/** Whether a run was missed while no host was up. A schedule that has changed since is judged as it is now. */
export function isPastDue(schedule: Schedule, status: TimerStatus | undefined, now: Date): boolean {
  return status !== undefined && schedule(status.lastUpdated) < now;
}

/** Azure keeps the status of a timer only when its runs are a minute or more apart. */
export function isMonitored(schedule: Schedule, now: Date): boolean {
  const next = schedule(now);
  return schedule(next).getTime() - next.getTime() >= MINUTE_MS;
}

/** How long to wait before a retry, counted from 1; undefined when there is none left. */
export function retryDelayMs(policy: RetryOptions | undefined, retryCount: number): number | undefined {
  if (!policy || (policy.maxRetryCount >= 0 && retryCount > policy.maxRetryCount)) return undefined;
  if (policy.retryStrategy === 'fixedDelay') return (policy.delayInterval?.seconds ?? 0) * 1000;
  const minimum = policy.minimumInterval?.seconds ?? 0;
  const maximum = policy.maximumInterval?.seconds ?? Number.POSITIVE_INFINITY;
  return Math.min(minimum * 2 ** (retryCount - 1), maximum) * 1000;
}
