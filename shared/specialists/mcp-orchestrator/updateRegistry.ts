import { z } from 'zod';
import { defineTask, type Task } from '../../orchestration/task/task.ts';
import { outcomeSchema } from '../../orchestration/delegation/outcome.ts';
import { fail, succeed } from '../../platform/result.ts';
import {
  type Discovery,
  type ServerRecord,
  discoverySchema,
  serverStatusSchema,
  slugSchema,
} from '../../registry/server.ts';
import type { ServerStore } from '../../registry/serverStore.ts';

/** Writes the outcome of a server's validation into its record: `active` with what was found, or `rejected` with the reason. */
export function updateRegistry({ servers }: { readonly servers: ServerStore }): Task {
  return defineTask({
    name: 'update_registry',
    agent: 'mcp-orchestrator',
    description: 'Enters what came of the validation of a server into its record in the registry.',
    timeoutMs: 10_000,
    planOnly: true,
    input: z.object({ slug: slugSchema, planId: z.string(), validation: outcomeSchema }),
    output: z.object({ slug: slugSchema, status: serverStatusSchema }),
    async run({ slug, planId, validation }, { tenantId, clock }) {
      for (;;) {
        const stored = await servers.find(tenantId, slug);
        if (stored?.value.planId !== planId) {
          return fail({
            kind: 'not_found',
            message: `the server "${slug}" was deleted or registered anew while it was being validated`,
          });
        }
        const updatedAt = clock.now().toISOString();
        const record: ServerRecord = { ...stored.value, ...verdict(validation), updatedAt };
        const written = await servers.replace(record, stored.etag);
        if (written === 'replaced') return succeed({ slug, status: record.status });
      }
    },
  });
}

function verdict(
  validation: z.infer<typeof outcomeSchema>,
): { status: 'active'; discovery: Discovery } | { status: 'rejected'; statusReason: string } {
  return validation.success
    ? { status: 'active', discovery: discoverySchema.parse(validation.result) }
    : { status: 'rejected', statusReason: validation.error.message };
}
