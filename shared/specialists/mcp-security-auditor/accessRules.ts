import { type Actor, type Role, roles } from '../../identity/access/actor.ts';
import { isPermission, isPermitted, type Permission } from '../../identity/access/permissions.ts';
import { defineFindings, type Finding, type RuleText } from '../finding.ts';

/** Returns whether a caller with these roles has a permission. */
export type MayDo = (granted: readonly Role[], permission: string) => boolean;

/** Permissions that only read, or that cover only the caller's own things. */
const isReadOnly = (permission: string): boolean => /\.(read|own)$/.test(permission);

/** The intents of the roles. Each covers every permission, also permissions that are added later. */
const intents: readonly {
  readonly rule: 'auditor_only_looks' | 'user_only_uses' | 'operator_does_not_administer';
  readonly role: Role;
  readonly says: string;
  readonly allows: (permission: string) => boolean;
}[] = [
  {
    rule: 'auditor_only_looks',
    role: 'Auditor',
    says: 'an Auditor only reads',
    allows: isReadOnly,
  },
  {
    rule: 'user_only_uses',
    role: 'User',
    says: 'a User uses tools and reads servers, toolsets and their own sessions',
    allows: (permission) => ['mcp.use', 'servers.read', 'toolsets.read', 'sessions.own'].includes(permission),
  },
  {
    rule: 'operator_does_not_administer',
    role: 'Operator',
    says: 'an Operator runs work, but does not administer the registry, read the audit trail or see sessions of others',
    allows: (permission) =>
      ['mcp.use', 'plans.write', 'delegations.write', 'pools.write'].includes(permission) ||
      (isReadOnly(permission) && permission !== 'audit.read' && permission !== 'sessions.read'),
  },
];

/** Names of no permission: all must be denied. A lookup must not find `__proto__` and the like by accident. */
const unknownNames = ['servers.everything', '', '__proto__', 'constructor', 'toString'];

const breach =
  (text: (facts: Breach) => string) =>
  (facts: Breach): RuleText => {
    const { says: _, ...evidence } = facts;
    const remedy =
      'Correct shared/identity/access/permissions.ts, or the intent in this check if it has changed.';
    return { severity: 'critical', message: text(facts), evidence, remedy };
  };
interface Breach {
  readonly permission?: string;
  readonly role?: Role;
  readonly name?: string;
  /** The intent that is broken. */
  readonly says?: string;
}
const intentBroken = breach(({ says, permission }) => `${says ?? ''}, but may do ${permission ?? ''}`);

const finding = defineFindings({
  auditor_only_looks: intentBroken,
  user_only_uses: intentBroken,
  operator_does_not_administer: intentBroken,
  no_role_no_right: breach(({ permission = '' }) => `a caller without a role may do ${permission}`),
  denied_by_default: breach(({ name = '' }) => `"${name}" counts as a permission`),
  right_of_nobody: breach(({ permission = '' }) => `no role may do ${permission}`),
  roles_add_up: breach(
    ({ permission = '' }) => `several roles together do not give ${permission}, although one of them does`,
  ),
});

/** Checks each permission against the intents of the roles, and that everything else is denied by default. */
export function accessFindings(
  permissions: readonly Permission[],
  mayDo: MayDo,
  isKnown: (name: string) => boolean,
): Finding[] {
  const mayAny = (permission: string) => roles.some((role) => mayDo([role], permission));
  return [
    ...permissions
      .filter((permission) => mayDo([], permission))
      .map((permission) => finding('no_role_no_right', { permission })),
    ...intents.flatMap(({ rule, role, says, allows }) =>
      permissions
        .filter((permission) => mayDo([role], permission) && !allows(permission))
        .map((permission) => finding(rule, { role, permission, says })),
    ),
    ...unknownNames.filter(isKnown).map((name) => finding('denied_by_default', { name })),
    ...permissions
      .filter((permission) => !mayAny(permission))
      .map((permission) => finding('right_of_nobody', { permission })),
    ...permissions
      .filter((permission) => mayDo(roles, permission) !== mayAny(permission))
      .map((permission) => finding('roles_add_up', { permission })),
  ];
}

/** Returns an actor with these roles, to ask what they may do. */
export const actorWith = (granted: readonly Role[], tenantId: string): Actor => ({
  tenantId,
  userId: '',
  kind: 'user',
  clientId: '',
  roles: granted,
  expiresAt: 0,
});

/** Returns what roles may do in the operator's tenant: elsewhere roles give the same permissions or fewer. */
export const rightsIn =
  (operatorTenant: string): MayDo =>
  (granted, name) =>
    isPermission(name) && isPermitted(actorWith(granted, operatorTenant), name, operatorTenant);
