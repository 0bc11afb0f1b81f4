import { type AuditRecord, isAccessRefusal } from '../../audit/model/record.ts';
import { isPermission, rolesWith } from '../../identity/access/permissions.ts';
import { refusals } from '../../identity/tokens/refusals.ts';
import { defineFindings, type Finding, type Severity } from '../finding.ts';

/** The meaning of each reason in the audit trail: those of rejected tokens, and that of a web page. */
export const reasons = {
  ...refusals,
  origin: {
    what: 'it came from a web page whose origin may not call the gateway',
    rule: 'The header Origin is one of MREG_ALLOWED_ORIGINS, or absent.',
    remedy: 'Add the origin of that page to MREG_ALLOWED_ORIGINS if the page is yours.',
  },
};

const isReason = (name: string): name is keyof typeof reasons => Object.hasOwn(reasons, name);

/** The refusals of one actor for one reason. */
interface RefusalGroup {
  readonly reason: string;
  readonly actor: string;
  /** Known for refusals of permissions only. */
  readonly app?: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** The newest few. */
  readonly traceIds: readonly string[];
}

const MAX_TRACES = 5;

/** Groups refusals by reason and actor, the most frequent first. */
export function groupRefusals(records: readonly AuditRecord[]): readonly RefusalGroup[] {
  const groups = Map.groupBy(records.filter(isAccessRefusal), ({ actor, action, resource }) =>
    JSON.stringify([actor, action, resource]),
  );
  return [...groups.values()].flatMap(groupOf).sort((a, b) => b.count - a.count);
}

function groupOf(group: readonly AuditRecord[]): RefusalGroup[] {
  const [first] = group;
  if (!first) return [];
  const { actor, action, resource } = first;
  const times = group.map(({ at }) => at).sort();
  return [
    {
      reason: action === 'sign_in' ? resource : action,
      actor,
      ...(action !== 'sign_in' && { app: resource }),
      count: group.reduce((sum, { count = 1 }) => sum + count, 0),
      firstAt: times[0] ?? first.at,
      lastAt: times.at(-1) ?? first.at,
      traceIds: [...new Set(group.map(({ traceId }) => traceId).filter(Boolean))].slice(0, MAX_TRACES),
    },
  ];
}

const finding = defineFindings({
  'sign_in_*': ({
    reason,
    group,
    severity,
  }: {
    reason: keyof typeof reasons;
    group: RefusalGroup;
    severity: Severity;
  }) => ({
    variant: reason,
    severity: reason === 'missing' ? 'info' : severity,
    message: `${refused(group)} refused: ${reasons[reason].what}`,
    evidence: { ...group, heldTo: reasons[reason].rule },
    remedy: reasons[reason].remedy,
  }),
  permission_lacking: ({ group, severity }: { group: RefusalGroup; severity: Severity }) => {
    const { reason, app = '' } = group;
    const roles = (isPermission(reason) ? rolesWith(reason) : []).map((role) => `Gateway.${role}`).join(', ');
    return {
      severity,
      message: `${refused(group)} refused by the ${app} app: their roles do not include the permission ${reason}`,
      evidence: { ...group, heldTo: `The permission ${reason} is of ${roles || 'no role'}.` },
      remedy: roles
        ? `Give the user one of ${roles}, if they are to do this.`
        : 'This version has no such permission: check that both apps run the same build.',
    };
  },
});

function refused({ actor, count }: RefusalGroup): string {
  const who = actor === 'unknown' || actor === 'various' ? 'an unknown caller' : `the user ${actor}`;
  return count === 1 ? `a request of ${who} was` : `${count} requests of ${who} were`;
}

/** Explains why a group was refused, by which rule, and what to do. */
export const explainRefusals = (group: RefusalGroup, severity: 'warning' | 'critical'): Finding =>
  isReason(group.reason)
    ? finding('sign_in_*', { reason: group.reason, group, severity })
    : finding('permission_lacking', { group, severity });
