import type { Actor, Role } from './actor.ts';

/** The roles that have each permission. Every other role lacks it. */
const permissions = {
  'servers.read': ['Admin', 'Operator', 'Auditor', 'User'],
  'servers.write': ['Admin'],
  'registryLinks.manage': ['Admin'],
  'registrySync.read': ['Admin', 'Operator', 'Auditor'],
  'registrySync.run': ['Admin'],
  'toolsets.read': ['Admin', 'Operator', 'Auditor', 'User'],
  'toolsets.write': ['Admin'],
  'plans.read': ['Admin', 'Operator', 'Auditor'],
  'plans.write': ['Admin', 'Operator'],
  'plans.compose': ['Admin'],
  'delegations.read': ['Admin', 'Operator', 'Auditor'],
  'delegations.write': ['Admin', 'Operator'],
  'agents.read': ['Admin', 'Operator', 'Auditor'],
  'health.read': ['Admin', 'Operator', 'Auditor'],
  'reports.read': ['Admin', 'Operator', 'Auditor'],
  'audit.read': ['Admin', 'Auditor'],
  /** To open a session and see and end one's own; `read` and `end` are for those of others in the tenant. */
  'sessions.own': ['Admin', 'Operator', 'Auditor', 'User'],
  'sessions.read': ['Admin', 'Auditor'],
  'sessions.end': ['Admin'],
  'revocations.read': ['Admin', 'Auditor'],
  'revocations.write': ['Admin'],
  'pools.read': ['Admin', 'Operator', 'Auditor'],
  'pools.write': ['Admin', 'Operator'],
  'mcp.use': ['Admin', 'Operator', 'User'],
  /** To read facts of the whole gateway: what is deployed, settings, stores, the other tenants. */
  'system.read': ['Admin', 'Operator'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof permissions;
export const permissionNames = Object.keys(permissions) as readonly Permission[];

/** The roles that have a permission. */
export const rolesWith = (permission: Permission): readonly Role[] => permissions[permission];

/** Permissions that roles grant only in the operator's tenant: the first of `MREG_TENANTS`. */
const ofOperatorTenant: ReadonlySet<Permission> = new Set(['system.read']);
export const isOfOperatorTenant = (permission: Permission): boolean => ofOperatorTenant.has(permission);

/** Returns whether the roles grant the permission. Without `operatorTenant`, nobody has a permission of the operator's tenant. */
export function isPermitted(
  { tenantId, roles }: Pick<Actor, 'tenantId' | 'roles'>,
  permission: Permission,
  operatorTenant?: string,
): boolean {
  if (ofOperatorTenant.has(permission) && tenantId !== operatorTenant) return false;
  const allowed = rolesWith(permission);
  return roles.some((role) => allowed.includes(role));
}

/** Returns a permission with the roles that have it, for the text of an error: `servers.write (role Gateway.Admin)`. */
export function describePermission(permission: Permission): string {
  // Made here: the first `Intl` object of a process takes 10 ms, which no start should wait for.
  const alternatives = new Intl.ListFormat('en', { type: 'disjunction' });
  const names = alternatives.format(rolesWith(permission).map((role) => `Gateway.${role}`));
  const where = isOfOperatorTenant(permission) ? ', in the tenant of the operator' : '';
  return `${permission} (role ${names}${where})`;
}

export const isPermission = (name: string): name is Permission => Object.hasOwn(permissions, name);
