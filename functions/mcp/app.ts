import { defaultResource } from '../../shared/identity/tokens/resources.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { registerAgents } from '../agents/register.ts';
import type { AppDeps } from '../compose/deps.ts';
import { healthRoute } from '../http/healthRoute.ts';
import { ownHostsOf } from '../http/hosts.ts';
import { refusalRecorder } from '../http/refusals.ts';
import { registerRoutes } from '../http/register.ts';
import type { Route } from '../http/route.ts';
import { mcpTimers } from '../timers/mcp.ts';
import { registerTimers } from '../timers/register.ts';
import { endpointRoutes } from './endpoint.ts';
import { challengeAt, metadataRoutes } from './protectedResource.ts';
import { signInRoutes } from './signInRoutes.ts';

/** Every route of the mcp app. */
export const mcpRoutes = (deps: AppDeps): readonly Route<unknown>[] => [
  healthRoute,
  ...endpointRoutes(deps),
  ...metadataRoutes(deps),
  ...signInRoutes(deps),
];

export function registerApp(deps: AppDeps): void {
  registerRoutes(mcpRoutes(deps), {
    ...deps,
    // The id of a request is no row key, so it need not begin with the time.
    newId: randomId,
    resource: defaultResource(deps.config),
    challenge: challengeAt(deps.config.publicOrigin, 'mcp', new URLSearchParams()),
    ownHosts: ownHostsOf(deps.config.publicOrigin, deps.config.siteHost),
    recordRefusal: refusalRecorder(deps),
  });
  registerAgents('mcp', deps);
  registerTimers(mcpTimers(deps));
}
