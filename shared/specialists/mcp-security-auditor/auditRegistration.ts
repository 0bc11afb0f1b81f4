import { z } from 'zod';
import type { Audit } from '../../audit/journal/audit.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';

/** Puts a change of the registry into the audit trail. It has succeeded once that is stored. */
export function auditRegistration({ audit }: { readonly audit: Audit }): Task {
  return defineTask({
    name: 'audit_registration',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      'Records in the audit trail that a server has been registered, or is about to be updated or removed, and for whom.',
    timeoutMs: 10_000,
    planOnly: true,
    input: z.strictObject({ slug: slugSchema, act: z.enum(['registered', 'update', 'removal']) }),
    output: z.object({ recorded: z.literal(true) }),
    async run({ slug, act: what }, { tenantId, actor, traceId }) {
      const act = await audit.writeAhead({
        tenantId,
        actor: actor?.userId ?? 'unknown',
        action: `servers.${what}`,
        resource: `servers/${slug}`,
        traceId,
      });
      act.end('succeeded');
      return succeed({ recorded: true });
    },
  });
}
