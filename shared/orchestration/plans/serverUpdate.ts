import * as z from 'zod';
import { type Result, succeed } from '../../platform/base/result.ts';
import { type ServerContent, serverContentSchema, slugSchema } from '../../registry/records/server.ts';
import { beginOnce, beginPlan, planStart } from '../engine/beginPlan.ts';
import { type Caller, idFor } from '../model/caller.ts';
import type { Plan } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';
import { findRegistered, type ServerChange } from '../servers/findServer.ts';
import { checkSecretFree, contentOf, type RecordContent, recordContent } from '../servers/recordContent.ts';
import { definePlan, type RegistrationDeps, step, withInputs } from './namedPlan.ts';
import {
  auditRegistration,
  authenticateAdmin,
  openValidationSession,
  validateServer,
  validationInput,
} from './serverSteps.ts';

/** The change itself comes last, after its audit record: so nothing has to be undone. */
const steps = inOrder([
  authenticateAdmin,
  validateServer,
  auditRegistration,
  step('update_server', 'mcp-orchestrator'),
]);

export const serverUpdatePlan = definePlan({
  name: 'server_update',
  description: 'Validates a registered server again and enters what changed.',
  permission: 'servers.write',
  input: z.strictObject({ slug: slugSchema, content: serverContentSchema }),
  steps,
  begin: ({ slug, content }, caller, deps) => beginUpdate({ slug }, content, caller, deps),
});

/**
 * Begins the plan that puts new content into a server's record once the server has been validated with it. Until then, and
 * when that fails, the record stays as it is. Failures: `not_found`; `conflict` where the ETag is no longer that of the record;
 * `already_exists` while it is being registered; `invalid` URL.
 */
export const updateServer = (
  change: ServerChange,
  content: ServerContent,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> => beginOnce(caller, deps, () => beginUpdate(change, content, caller, deps));

async function beginUpdate(
  change: ServerChange,
  content: ServerContent,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  const stored = await findRegistered(change, caller, deps);
  if (!stored.ok) return stored;
  const { etag, value } = stored.value;
  const said = { ...content, owner: content.owner ?? value.owner };
  const next = recordContent(value.slug, said, caller.actor, deps, value);
  return next.ok ? begin('server_update', value.slug, etag, next.value, caller, deps) : next;
}

/**
 * Begins the plan that validates a server again, with the content that it has. Failures as of `updateServer`; `invalid` where
 * its `server.json` holds a secret.
 */
export const refreshServer = (
  change: ServerChange,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> =>
  beginOnce(caller, deps, async () => {
    const stored = await findRegistered(change, caller, deps);
    if (!stored.ok) return stored;
    const { etag, value } = stored.value;
    const isFree = checkSecretFree(value);
    return isFree.ok ? begin('server_refresh', value.slug, etag, contentOf(value), caller, deps) : isFree;
  });

async function begin(
  name: 'server_update' | 'server_refresh',
  slug: string,
  etag: string,
  content: RecordContent,
  caller: Caller,
  deps: RegistrationDeps,
): Promise<Result<Plan>> {
  const session = await openValidationSession([content], caller, deps);
  const start = planStart({ name, grantedBy: `plan ${name}`, session }, caller, idFor(caller, deps.newId));
  const input = { slug, etag, planId: start.id, content, discovery: { $resultOf: validateServer.id } };
  const updateSteps = withInputs(steps, {
    [validateServer.id]: {
      input: { ...validationInput(slug, content), ...(name === 'server_refresh' && { slug }) },
    },
    [auditRegistration.id]: { input: { slug, act: 'update' } },
    update_server: { input, references: ['/discovery'] },
  });
  return succeed(await beginPlan(start, updateSteps, deps));
}
