import type { Snapshot } from '../snapshot.ts';
import { checkLocalAuth, checkPublicAccess, checkState, checkTls } from './access.ts';
import { checkAlerts, checkDiagnostics, checkLogEvents } from './alerts.ts';
import { checkOwnParts } from './ownParts.ts';
import { checkRoles } from './roles.ts';
import { checkFlex, checkKeys, checkSettings } from './settings.ts';
import { checkApps, checkOutputs, checkQueues, checkTables } from './topology.ts';

/** Each check returns what is wrong with a snapshot. */
export const checks = {
  queues: checkQueues,
  tables: checkTables,
  apps: checkApps,
  outputs: checkOutputs,
  settings: checkSettings,
  ownParts: checkOwnParts,
  flex: checkFlex,
  keys: checkKeys,
  localAuth: checkLocalAuth,
  tls: checkTls,
  state: checkState,
  publicAccess: checkPublicAccess,
  roles: checkRoles,
  alerts: checkAlerts,
  logEvents: checkLogEvents,
  diagnostics: checkDiagnostics,
} satisfies Record<string, (snapshot: Snapshot) => string[]>;

export type CheckName = keyof typeof checks;
export const checkNames = Object.keys(checks) as readonly CheckName[];
