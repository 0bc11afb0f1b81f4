import type { Principal } from '../../identity/principal.ts';
import type { AuthContext } from '../../identity/sessionStore.ts';
import type { TaskHelpers } from '../../orchestration/task/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { tokenNotKept } from '../lookAtEndpoints.ts';
import { tokenOf } from '../tokenOf.ts';
import { withinTime } from '../withinTime.ts';
import type { Look } from './oauthChain.ts';
import { walkInProcess } from './walkInProcess.ts';
import { walkOverHttp } from './walkOverHttp.ts';

const SESSION_WITHIN_MS = 2_500;

/**
 * Walks probes through the request pipeline, each to the stage that it is to end at: over HTTP as a client, and in this
 * process without HTTP and sign-in, to tell what time they take from what the gateway takes.
 */
export async function walkPipeline(deps: SpecialistDeps, helpers: TaskHelpers): Promise<Look> {
  const [token, context] = await Promise.all([
    tokenOf(helpers),
    withinTime(SESSION_WITHIN_MS, helpers.signal, () => helpers.authContext()),
  ]);
  const caller = principalOf(helpers.tenantId, context.ok ? context.value : undefined);
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

/** Whoever the session is of; without one, somebody of the tenant with the least role that may use the endpoints. */
function principalOf(tenantId: string, context: AuthContext | undefined): Principal {
  const own = { tenantId, kind: 'user', clientId: 'fastmcp-specialist' } as const;
  return context
    ? { ...own, userId: context.userId, roles: context.roles, expiresAt: Date.parse(context.expiresAt) }
    : { ...own, userId: 'fastmcp-specialist', roles: ['User'], expiresAt: 0 };
}
