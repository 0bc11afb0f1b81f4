import { registerAgents } from '../agents/register.ts';
import type { AppDeps } from '../compose.ts';
import { healthRoute } from '../health.ts';
import type { Route } from '../http.ts';
import { registerRoutes } from '../register.ts';
import { registerStatePurge } from '../timers/statePurge.ts';
import { registerSweeper } from '../timers/sweeper.ts';
import { agentRoutes } from './agents.ts';
import { auditRoutes } from './audit.ts';
import { delegationRoutes } from './delegations.ts';
import { officialRegistryRoutes } from './officialRegistry/routes.ts';
import { planRoutes } from './plans.ts';
import { refusalRecorder } from './refusals.ts';
import { registryLinkRoutes } from './registryLinks.ts';
import { serverRoutes } from './servers.ts';

/** Every route of the management app. */
export const managementRoutes = (deps: AppDeps): readonly Route<unknown>[] => [
  healthRoute,
  ...serverRoutes(deps),
  ...officialRegistryRoutes(deps),
  ...registryLinkRoutes(deps),
  ...planRoutes(deps),
  ...delegationRoutes(deps),
  ...agentRoutes(deps),
  ...auditRoutes(deps),
];

export function registerApp(deps: AppDeps): void {
  registerRoutes(managementRoutes(deps), { ...deps, recordRefusal: refusalRecorder(deps) });
  registerAgents('management', deps);
  registerSweeper(deps);
  registerStatePurge(deps);
}
