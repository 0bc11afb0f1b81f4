import type { Principal } from '../../identity/access/actor.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { tokenNotKept } from '../checkEndpoints.ts';
import { tokenOf } from '../tokenOf.ts';
import type { Look } from './oauthDiscovery.ts';
import { walkInProcess } from './pipelineInProcess.ts';
import { walkOverHttp } from './pipelineOverHttp.ts';

/**
 * Walks probes through the request pipeline, each to the stage that it is to end at: over HTTP as a client, and in this
 * process without HTTP and sign-in, to tell what time they take from what the gateway takes.
 */
export async function walkPipeline(deps: SpecialistDeps, helpers: TaskHelpers): Promise<Look> {
  const token = await tokenOf(helpers);
  const caller = helpers.actor ?? anyone(helpers.tenantId);
  const [outside, inside] = await Promise.all([
    walkOverHttp(deps, helpers, token),
    walkInProcess(deps, helpers, caller),
  ]);
  return {
    facts: { stages: [...outside.walked, ...inside.walked], upstreams: inside.upstreams },
    findings: [
      ...outside.findings,
      ...inside.findings,
      ...(token === undefined ? [tokenNotKept('the stages behind sign-in, over HTTP,')] : []),
    ],
  };
}

/** Where nobody is signed in: somebody of the tenant with the least role that may use the endpoints. */
const anyone = (tenantId: string): Principal => ({
  tenantId,
  userId: 'fastmcp-specialist',
  kind: 'app',
  clientId: '',
  roles: ['User'],
  expiresAt: 0,
});
