import * as z from 'zod';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import { beginPlan, planStart, resumePlan } from '../engine/beginPlan.ts';
import { type Caller, idFor } from '../model/caller.ts';
import type { Plan } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';
import { findServer, type ServerChange } from '../servers/findServer.ts';
import { definePlan, type RegistrationDeps, step, withInputs } from './namedPlan.ts';
import { auditRegistration, authenticateAdmin } from './serverSteps.ts';

const NAME = 'server_removal';
const steps = inOrder([authenticateAdmin, auditRegistration, step('remove_server', 'mcp-orchestrator')]);

export const serverRemovalPlan = definePlan({
  name: NAME,
  description: 'Takes a server out of the registry.',
  permission: 'servers.write',
  input: z.strictObject({ slug: slugSchema }),
  steps,
  begin,
});

/**
 * Begins the plan that takes a server out of the registry, or returns the one that an earlier sending of the same request began.
 * Failures: `not_found`, `conflict` as of `findServer`; `already_exists` for a repeated request, where the server was registered
 * again since the first one removed it.
 */
export async function removeServer(
  change: ServerChange,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  const earlier = await resumePlan(caller, deps);
  if (!earlier) return begin(change, caller, deps);
  const { slug } = change;
  const isRemoved = earlier.state === 'succeeded';
  if (!isRemoved || !(await deps.servers.find(earlier.tenantId, slug))) return succeed(earlier);
  const message = `the request with this Idempotency-Key removed an earlier server "${slug}", and the slug was registered again since: send a new key to remove this one`;
  return fail({ kind: 'already_exists', message });
}

async function begin(change: ServerChange, caller: Caller, deps: RegistrationDeps): Promise<Result<Plan>> {
  const stored = await findServer(change, caller, deps);
  if (!stored.ok) return stored;
  const { slug } = change;
  const removalSteps = withInputs(steps, {
    [auditRegistration.id]: { input: { slug, act: 'removal' } },
    remove_server: { input: change.etag === undefined ? { slug } : { slug, etag: stored.value.etag } },
  });
  const start = planStart({ name: NAME, grantedBy: `plan ${NAME}` }, caller, idFor(caller, deps.newId));
  return succeed(await beginPlan(start, removalSteps, deps));
}
