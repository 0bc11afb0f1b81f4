import { defineFindings } from '../finding.ts';

/** The hours in which people work, in a time zone that is this many minutes ahead of UTC. */
export interface WorkingHours {
  readonly from: number;
  readonly to: number;
  readonly offsetMinutes: number;
}

/** Every finding about the records of the audit trail. */
export const finding = defineFindings({
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
