import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/task/task.ts';
import { type Result, fail, succeed } from '../../platform/result.ts';
import { type ServerRecord, discoverySchema, serverStatusSchema, slugSchema } from '../../registry/server.ts';
import type { ServerStore } from '../../registry/serverStore.ts';

const registrationSchema = z.object({ slug: slugSchema, planId: z.string() });
const decidedSchema = z.object({ slug: slugSchema, status: serverStatusSchema });

/** Makes a server active, with what its validation found. */
export function updateRegistry({ servers }: { readonly servers: ServerStore }): Task {
  return defineTask({
    name: 'update_registry',
    agent: 'mcp-orchestrator',
    description:
      'Enters what the validation of a server found into its record in the registry, which makes it active.',
    timeoutMs: 10_000,
    planOnly: true,
    input: registrationSchema.extend({ discovery: discoverySchema }),
    output: decidedSchema,
    run: ({ discovery, ...registration }, { tenantId, clock }) =>
      decide(servers, tenantId, registration, clock.now(), { status: 'active', discovery }),
  });
}

/** Takes a registration back that has failed: the server is rejected, with the reason, and its slug may be taken again. */
export function rejectRegistration({ servers }: { readonly servers: ServerStore }): Task {
  return defineTask({
    name: 'reject_registration',
    agent: 'mcp-orchestrator',
    description: 'Marks a server whose registration failed as rejected, with the reason.',
    timeoutMs: 10_000,
    planOnly: true,
    input: registrationSchema.extend({ error: z.object({ message: z.string() }).nullable() }),
    output: decidedSchema,
    run: ({ error, ...registration }, { tenantId, clock }) =>
      decide(servers, tenantId, registration, clock.now(), {
        status: 'rejected',
        statusReason: error?.message ?? 'the registration was cancelled',
      }),
  });
}

/** Decides about the record of this registration; one that is gone or of a later registration is left alone. */
async function decide(
  servers: ServerStore,
  tenantId: string,
  { slug, planId }: z.infer<typeof registrationSchema>,
  now: Date,
  verdict: Pick<ServerRecord, 'status'> & Partial<ServerRecord>,
): Promise<Result<z.infer<typeof decidedSchema>>> {
  for (;;) {
    const stored = await servers.find(tenantId, slug);
    if (stored?.value.planId !== planId) {
      return fail({
        kind: 'not_found',
        message: `the server "${slug}" was deleted or registered anew while it was being validated`,
      });
    }
    const record: ServerRecord = { ...stored.value, ...verdict, updatedAt: now.toISOString() };
    const written = await servers.replace(record, stored.etag);
    if (written.status === 'replaced') return succeed({ slug, status: record.status });
  }
}
