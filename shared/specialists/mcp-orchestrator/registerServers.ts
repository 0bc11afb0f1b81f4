import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Actor } from '../../identity/access/actor.ts';
import { ID_PLACE_LENGTH } from '../../orchestration/model/rowIds.ts';
import type { RegistrationDeps } from '../../orchestration/plans/namedPlan.ts';
import { registerServer } from '../../orchestration/plans/serverRegistration.ts';
import { defineTask, type Task, type TaskHelpers } from '../../orchestration/tasks/task.ts';
import { derivedId } from '../../platform/base/ids.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import {
  type Registration,
  serverStatusSchema,
  slugSchema,
  statusReasonOf,
} from '../../registry/records/server.ts';
import { signInEnded } from '../signedIn.ts';

const READ_EVERY_MS = 100;

const registeredSchema = z.object({
  slug: slugSchema,
  /** `refused`: nothing was stored. `pending`: the registration had not ended at the timeout. */
  status: z.enum([...serverStatusSchema.options, 'refused']),
  reason: z.string().optional(),
  planId: z.string().optional(),
});
type Registered = z.infer<typeof registeredSchema>;

/** Registers servers one after another, each by its own plan, and returns the status of each. */
export function registerServers(deps: RegistrationDeps): Task {
  return defineTask({
    name: 'register_servers',
    permissions: ['delegations.read'],
    agent: 'mcp-orchestrator',
    description: 'Registers servers one after another and returns the status of each.',
    timeoutMs: 9 * 60_000,
    planOnly: true,
    // Validated when the plan was made.
    input: z.object({ servers: z.array(z.custom<Registration>()) }),
    output: z.object({ servers: z.array(registeredSchema) }),
    async run({ servers }, helpers) {
      const { actor } = helpers;
      if (!actor) return fail(signInEnded);
      const token = await helpers.token();
      const done: Registered[] = [];
      for (const server of servers) {
        done.push(await register(server, { actor, token }, helpers, deps));
        helpers.progress(`${done.length} of ${servers.length} servers`);
      }
      return succeed({ servers: done });
    },
  });
}

/** Registers one server. The id of its plan is derived from the task and the slug, so that a retry of the task finds the plan. */
async function register(
  server: Registration,
  { actor, token }: { readonly actor: Actor; readonly token: string | undefined },
  { delegationId, traceId, signal }: TaskHelpers,
  deps: RegistrationDeps,
): Promise<Registered> {
  const { slug } = server;
  const trace = { ...continueTrace(undefined), traceId };
  const { tenantId, userId } = actor;
  // It begins as the task's id, so that lists show the plan at the time of the task.
  const own = derivedId(['registration', tenantId, userId, `${delegationId} ${slug}`]);
  const requestId = delegationId.slice(0, ID_PLACE_LENGTH) + own.slice(ID_PLACE_LENGTH);
  const caller = { actor, trace, requestId, ...(token !== undefined && { token }) };
  const begun = await registerServer(server, caller, deps);
  if (!begun.ok) return { slug, status: 'refused', reason: begun.error.message };
  const { createdAt } = begun.value.record;
  const planId = begun.value.plan.id;
  for (;;) {
    const record = (await deps.servers.find(tenantId, slug))?.value;
    if (record?.createdAt !== createdAt)
      return { slug, status: 'refused', reason: 'the server was deleted in the meantime', planId };
    const { status } = record;
    const statusReason = statusReasonOf(record);
    if (status !== 'pending' || signal.aborted)
      return { slug, status, planId, ...(statusReason !== undefined && { reason: statusReason }) };
    await delay(READ_EVERY_MS);
  }
}
