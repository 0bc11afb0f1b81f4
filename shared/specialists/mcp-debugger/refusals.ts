import type { AuditRecord } from '../../audit/model/record.ts';
import { isPermission, rolesWith } from '../../identity/access/permissions.ts';
import { refusals } from '../../identity/tokens/refusals.ts';
import type { Finding } from '../finding.ts';

/** What each reason in the audit trail means: those of rejected tokens, and that of a page. */
export const reasons = {
  ...refusals,
  origin: {
    what: 'it came from a web page whose origin may not call',
    rule: 'The header Origin is one of MREG_ALLOWED_ORIGINS, or absent.',
    remedy: 'Add the origin of that page to MREG_ALLOWED_ORIGINS, if it is one of yours.',
  },
};

const isReason = (name: string): name is keyof typeof reasons => Object.hasOwn(reasons, name);

export const isRefusal = ({ decision }: Pick<AuditRecord, 'decision'>): boolean => decision === 'refused';

/** What the records say of one reason and one actor. */
export interface RefusalGroup {
  readonly reason: string;
  readonly actor: string;
  /** Where it is known: refusals of permissions say it. */
  readonly app?: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** The newest few. */
  readonly traceIds: readonly string[];
}

const MAX_TRACES = 5;

/** Groups refusals by why and who, those that happened most first. */
export function groupRefusals(records: readonly AuditRecord[]): readonly RefusalGroup[] {
  const groups = Map.groupBy(records.filter(isRefusal), ({ actor, action, resource }) =>
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

/** Why a group was refused, which rule decided and what to do. `critical` where it is what somebody asked about by its trace. */
export function explainRefusals(group: RefusalGroup, severity: 'warning' | 'critical'): Finding {
  const { reason, actor, app, count, firstAt, lastAt, traceIds } = group;
  const who =
    actor === 'unknown' || actor === 'various' ? 'a caller whom nobody let in' : `the user ${actor}`;
  const times = count === 1 ? 'a request' : `${count} requests`;
  const evidence = { reason, actor, ...(app !== undefined && { app }), count, firstAt, lastAt, traceIds };
  if (isReason(reason)) {
    const { what, rule, remedy } = reasons[reason];
    return {
      rule: `sign_in_${reason}`,
      severity: reason === 'missing' ? 'info' : severity,
      message: `${times} of ${who} ${count === 1 ? 'was' : 'were'} refused: ${what}`,
      evidence: { ...evidence, heldTo: rule },
      remedy,
    };
  }
  const having = isPermission(reason) ? rolesWith(reason).map((role) => `Gateway.${role}`) : [];
  return {
    rule: 'permission_lacking',
    severity,
    message: `${times} of ${who} ${count === 1 ? 'was' : 'were'} refused by the ${app ?? ''} app: their roles do not include the permission ${reason}`,
    evidence: { ...evidence, heldTo: `The permission ${reason} is of ${having.join(', ') || 'no role'}.` },
    remedy:
      having.length === 0
        ? 'There is no such permission in this version: see whether the apps run the same build.'
        : `Give the user one of ${having.join(', ')}, if they are to do this.`,
  };
}
