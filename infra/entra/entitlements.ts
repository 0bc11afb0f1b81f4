import { type Role, roles } from '../../shared/identity/access/actor.ts';
import { REQUIRED_SCOPE } from '../../shared/identity/tokens/refusals.ts';
import type { Application } from './application.ts';
import { deterministicId } from './deterministicId.ts';

const roleDescriptions: Readonly<Record<Role, string>> = {
  Admin: 'Manages servers, toolsets, plans and the gateway itself.',
  Operator: 'Delegates work and reads the state of the gateway.',
  Auditor: 'Reads the audit trail and verifies it.',
  User: 'Uses the servers that are open to this user.',
};

/** The roles as the product reads them, for users and for applications. */
export const wantedRoles = roles.map((role) => ({
  id: deterministicId(`role/Gateway.${role}`),
  value: `Gateway.${role}`,
  displayName: `Gateway ${role}`,
  description: roleDescriptions[role],
  isEnabled: true,
  allowedMemberTypes: ['User', 'Application'],
}));

export const wantedScope = {
  id: deterministicId(`scope/${REQUIRED_SCOPE}`),
  value: REQUIRED_SCOPE,
  type: 'User',
  isEnabled: true,
  adminConsentDisplayName: 'Use MCP servers through the gateway',
  adminConsentDescription:
    'Lets an application call the gateway for the signed-in user, within the roles of that user.',
  userConsentDisplayName: 'Use MCP servers for you',
  userConsentDescription: 'Lets the application call MCP servers for you.',
};

/** Returns the id of a role of the registration, which may be older than this command. */
export const roleIdOf = (app: Application, role: Role): string | undefined =>
  app.appRoles.find(({ value }) => value === `Gateway.${role}`)?.id;

const scopesOf = ({ api }: Application) =>
  api.oauth2PermissionScopes.filter(({ value }) => value === REQUIRED_SCOPE);
export const scopeIdsOf = (app: Application): string[] => scopesOf(app).map(({ id }) => id);

/**
 * Returns what the roles and the scope of the registration lack. Entra does not change an enabled role or scope, and somebody may
 * have disabled one on purpose. So what is there stays, and the user hears of it.
 */
export function shortcomings(app: Application): readonly string[] {
  const roleProblems = wantedRoles.flatMap(({ value, allowedMemberTypes }) => {
    const role = app.appRoles.find((there) => there.value === value);
    if (!role) return [];
    const types = Array.isArray(role['allowedMemberTypes']) ? role['allowedMemberTypes'] : [];
    return [
      ...(role.isEnabled ? [] : [`the role ${value} is disabled`]),
      ...allowedMemberTypes
        .filter((type) => !types.includes(type))
        .map((type) => `the role ${value} is not for ${type}`),
    ];
  });
  return [
    ...roleProblems,
    ...(scopesOf(app).some(({ isEnabled }) => !isEnabled) ? [`the scope ${REQUIRED_SCOPE} is disabled`] : []),
  ];
}
