import { describe, expect, test } from 'vitest';
import { type Actor, type Role, roles } from '../../../shared/identity/access/actor.ts';
import {
  describePermission,
  isPermitted,
  type Permission,
} from '../../../shared/identity/access/permissions.ts';

/** Who may do what. */
const pinned: Record<Permission, readonly Role[]> = {
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
  'sessions.own': ['Admin', 'Operator', 'Auditor', 'User'],
  'sessions.read': ['Admin', 'Auditor'],
  'sessions.end': ['Admin'],
  'revocations.read': ['Admin', 'Auditor'],
  'revocations.write': ['Admin'],
  'pools.read': ['Admin', 'Operator', 'Auditor'],
  'pools.write': ['Admin', 'Operator'],
  'mcp.use': ['Admin', 'Operator', 'User'],
  'system.read': ['Admin', 'Operator'],
};
const permissions = Object.keys(pinned) as Permission[];

const holding = (...held: Role[]): Actor => ({
  tenantId: 't',
  userId: 'u',
  kind: 'user',
  clientId: 'c',
  roles: held,
  expiresAt: 0,
});

describe.each(permissions)('%s', (permission) => {
  test.each(roles)('is as pinned for %s', (role) => {
    expect(isPermitted(holding(role), permission, 't')).toBe(pinned[permission].includes(role));
  });

  test('is for nobody without a role', () => {
    expect(isPermitted(holding(), permission)).toBe(false);
  });
});

test.each(['other', undefined])(
  'system.read is for nobody of a tenant while %s operates the gateway',
  (operator) => {
    expect(roles.filter((role) => isPermitted(holding(role), 'system.read', operator))).toEqual([]);
  },
);

test('one role that may is enough', () => {
  expect(isPermitted(holding('User', 'Admin'), 'servers.write')).toBe(true);
});

test.each([
  ['servers.write', 'servers.write (role Gateway.Admin)'],
  ['plans.write', 'plans.write (role Gateway.Admin or Gateway.Operator)'],
  ['mcp.use', 'mcp.use (role Gateway.Admin, Gateway.Operator, or Gateway.User)'],
  ['system.read', 'system.read (role Gateway.Admin or Gateway.Operator, in the tenant of the operator)'],
] as const)('an error about %s names the roles that have it', (permission, text) => {
  expect(describePermission(permission)).toBe(text);
});
