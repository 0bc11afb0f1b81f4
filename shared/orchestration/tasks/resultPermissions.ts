import type { Permission } from '../../identity/access/permissions.ts';

/**
 * What the result of a task may take. `delegations.read`: the result holds facts of the tenant's own work and servers.
 * `audit.read`: it holds records of the tenant's audit trail, or is drawn from them. `sessions.read`: it says who somebody
 * is. `system.read`: it holds facts of the whole gateway.
 */
export const resultPermissions = [
  'delegations.read',
  'audit.read',
  'sessions.read',
  'system.read',
] as const satisfies readonly Permission[];
export type ResultPermission = (typeof resultPermissions)[number];
/** All of them are needed. */
export type ResultPermissions = readonly [ResultPermission, ...ResultPermission[]];
