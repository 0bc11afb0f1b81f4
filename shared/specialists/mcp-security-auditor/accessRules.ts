import type { Permission } from '../../identity/access/permissions.ts';
import { type Role, roles } from '../../identity/access/actor.ts';
import type { Finding } from '../finding.ts';

/** Whether somebody with these roles may do something. */
export type MayDo = (granted: readonly Role[], permission: string) => boolean;

/** Looks at what is there, and what is one's own. */
const isLook = (permission: string): boolean => /\.(read|own)$/.test(permission);

/** What the roles are for. Each holds for every permission, also for those that are added later. */
const intents: readonly {
  readonly rule: string;
  readonly role: Role;
  readonly says: string;
  readonly allows: (permission: string) => boolean;
}[] = [
  {
    rule: 'auditor_only_looks',
    role: 'Auditor',
    says: 'an Auditor sees and changes nothing',
    allows: isLook,
  },
  {
    rule: 'user_only_uses',
    role: 'User',
    says: 'a User uses tools and sees servers, toolsets and their own sessions',
    allows: (permission) => ['mcp.use', 'servers.read', 'toolsets.read', 'sessions.own'].includes(permission),
  },
  {
    rule: 'operator_does_not_administer',
    role: 'Operator',
    says: 'an Operator runs work, and does not administer the registry, read the audit trail or see sessions of others',
    allows: (permission) =>
      ['mcp.use', 'plans.write', 'delegations.write', 'pools.write'].includes(permission) ||
      (isLook(permission) && permission !== 'audit.read' && permission !== 'sessions.read'),
  },
];

/** Names that no permission has: asked for, they are denied. `__proto__` and the like must not be found by accident. */
const unknownNames = ['servers.everything', '', '__proto__', 'constructor', 'toString'];

const REMEDY = 'Correct shared/identity/access/permissions.ts, or the intent here if it has changed.';

/** Each role and each permission against what the roles are for; denied by default. */
export function accessFindings(
  permissions: readonly Permission[],
  mayDo: MayDo,
  isKnown: (name: string) => boolean,
): Finding[] {
  const breach = (rule: string, message: string, evidence: Finding['evidence']): Finding => ({
    rule,
    severity: 'critical',
    message,
    evidence,
    remedy: REMEDY,
  });
  return [
    ...permissions
      .filter((permission) => mayDo([], permission))
      .map((permission) =>
        breach('no_role_no_right', `somebody without a role may do ${permission}`, { permission }),
      ),
    ...intents.flatMap(({ rule, role, says, allows }) =>
      permissions
        .filter((permission) => mayDo([role], permission) && !allows(permission))
        .map((permission) => breach(rule, `${says}, but may do ${permission}`, { role, permission })),
    ),
    ...unknownNames
      .filter(isKnown)
      .map((name) => breach('denied_by_default', `"${name}" counts as a permission`, { name })),
    ...permissions
      .filter((permission) => roles.every((role) => !mayDo([role], permission)))
      .map((permission) => breach('right_of_nobody', `no role may do ${permission}`, { permission })),
    ...permissions
      .filter((permission) => mayDo(roles, permission) !== roles.some((role) => mayDo([role], permission)))
      .map((permission) =>
        breach('roles_add_up', `several roles together do not give ${permission} as one of them does`, {
          permission,
        }),
      ),
  ];
}
