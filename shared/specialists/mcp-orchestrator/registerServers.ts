import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { signInEnded } from '../signedIn.ts';
import type { Principal } from '../../identity/access/actor.ts';
import { type RegistrationDeps, registerServer } from '../../orchestration/plans/registerServer.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { derivedId } from '../../platform/base/ids.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import { continueTrace } from '../../platform/telemetry/trace.ts';
import { type Registration, serverStatusSchema, slugSchema } from '../../registry/records/server.ts';

const LOOK_EVERY_MS = 100;

const registeredSchema = z.object({
  slug: slugSchema,
  /** `refused`: nothing was stored. `pending`: it had not ended when the time was over. */
  status: z.enum([...serverStatusSchema.options, 'refused']),
  reason: z.string().optional(),
  planId: z.string().optional(),
});
type Registered = z.infer<typeof registeredSchema>;

/** Registers some servers one after another, each by its own plan, and says what became of each. */
export function registerServers(deps: RegistrationDeps): Task {
  return defineTask({
    name: 'register_servers',
    permissions: ['delegations.read'],
    agent: 'mcp-orchestrator',
    description: 'Registers servers one after another and says what became of each.',
    timeoutMs: 9 * 60_000,
    planOnly: true,
    // Checked when the plan was made.
    input: z.object({ servers: z.array(z.custom<Registration>()) }),
    output: z.object({ servers: z.array(registeredSchema) }),
    async run({ servers }, helpers) {
      const { actor } = helpers;
      if (!actor) return fail(signInEnded);
      const done: Registered[] = [];
      for (const server of servers) {
        done.push(await register(server, actor, helpers, deps));
        helpers.progress(`${done.length} of ${servers.length} servers`);
      }
      return succeed({ servers: done });
    },
  });
}

/** Registers one server. The id of its plan follows from the task and the slug, so that a repetition of the task finds the plan. */
async function register(
  server: Registration,
  principal: Principal,
  { delegationId, traceId, signal }: TaskHelpers,
  deps: RegistrationDeps,
): Promise<Registered> {
  const { slug } = server;
  const trace = { ...continueTrace(undefined), traceId };
  const { tenantId, userId } = principal;
  const requestId = derivedId(['registration', tenantId, userId, `${delegationId} ${slug}`]);
  const caller = { principal, trace, requestId };
  const begun = await registerServer(server, caller, deps);
  if (!begun.ok) return { slug, status: 'refused', reason: begun.error.message };
  const { createdAt } = begun.value.record;
  const planId = begun.value.plan.id;
  for (;;) {
    const record = (await deps.servers.find(tenantId, slug))?.value;
    if (record?.createdAt !== createdAt)
      return { slug, status: 'refused', reason: 'it was deleted meanwhile', planId };
    const { status, statusReason } = record;
    if (status !== 'pending' || signal.aborted)
      return { slug, status, planId, ...(statusReason !== undefined && { reason: statusReason }) };
    await delay(LOOK_EVERY_MS);
  }
}
