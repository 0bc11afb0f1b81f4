import { registerAgents, registerReports } from '../agents/register.ts';
import type { AppDeps } from '../compose/deps.ts';
import { healthRoute } from '../http/healthRoute.ts';
import { ownHostsOf } from '../http/hosts.ts';
import { refusalRecorder } from '../http/refusals.ts';
import { registerRoutes } from '../http/register.ts';
import type { Route } from '../http/route.ts';
import { managementTimers } from '../timers/management.ts';
import { registerTimers } from '../timers/register.ts';
import { agentRoutes } from './agents.ts';
import { auditRoutes } from './audit.ts';
import { bulkServerRoutes } from './bulkServers.ts';
import { connectionRoutes } from './connections.ts';
import { consentRoutes } from './consents.ts';
import { deadLetterRoutes } from './deadLetters.ts';
import { delegationRoutes } from './delegations.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { idempotent } from './idempotent.ts';
import { importRoutes } from './importServers.ts';
import { officialRegistryRoutes } from './officialRegistry/routes.ts';
import { planRoutes } from './plans.ts';
import { poolRoutes } from './pools.ts';
import { managementMetadataRoutes } from './protectedResource.ts';
import { qualityGateRoutes } from './qualityGates.ts';
import { registryLinkRoutes } from './registryLinks.ts';
import { registrySyncRoutes } from './registrySync.ts';
import { reportRoutes } from './reports.ts';
import { serverRoutes } from './servers.ts';
import { sessionRoutes } from './sessions.ts';
import { slownessRecorder } from './slowness.ts';
import { switchServerRoutes } from './switchServers.ts';
import { toolsetRoutes } from './toolsets.ts';

/** Every route of the management app. */
export const managementRoutes = (deps: AppDeps): readonly Route<unknown>[] =>
  resourceRoutes(deps).map((route) => idempotent(route, deps));

const resourceRoutes = (deps: AppDeps): readonly Route<unknown>[] => [
  healthRoute,
  ...managementMetadataRoutes(deps),
  ...serverRoutes(deps),
  ...switchServerRoutes(deps),
  ...bulkServerRoutes(deps),
  ...importRoutes(deps),
  ...officialRegistryRoutes(deps),
  ...registryLinkRoutes(deps),
  ...registrySyncRoutes(deps),
  ...toolsetRoutes(deps),
  ...planRoutes(deps),
  ...qualityGateRoutes(deps),
  ...eventRoutes(deps),
  ...delegationRoutes(deps),
  ...agentRoutes(deps),
  ...healthRoutes(deps),
  ...reportRoutes(deps),
  ...sessionRoutes(deps),
  ...connectionRoutes(deps),
  ...consentRoutes(deps),
  ...poolRoutes(deps),
  ...deadLetterRoutes(deps),
  ...auditRoutes(deps),
];

export function registerApp(deps: AppDeps): void {
  registerRoutes(managementRoutes(deps), {
    ...deps,
    resource: deps.config.managementOrigin,
    ownHosts: ownHostsOf(deps.config.managementOrigin, deps.config.siteHost),
    recordRefusal: refusalRecorder(deps),
    recordSlow: slownessRecorder(deps),
  });
  registerAgents('management', deps);
  registerReports(deps);
  registerTimers(managementTimers(deps));
}
