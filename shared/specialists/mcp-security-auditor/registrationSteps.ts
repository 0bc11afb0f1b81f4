import * as z from 'zod';
import type { Audit } from '../../audit/journal/audit.ts';
import { roles } from '../../identity/access/actor.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { fail, succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import { signInEnded } from '../signedIn.ts';

const agent = 'mcp-security-auditor';

/** Checks that the actor of the work is still signed in, and was an administrator when the work was requested. */
export const authenticateAdmin = (): Task =>
  defineTask({
    name: 'authenticate_admin',
    permissions: ['sessions.read'],
    agent,
    description:
      'Checks that the sign-in behind the work has not ended, and that it may administer the registry.',
    timeoutMs: 10_000,
    input: z.strictObject({}),
    output: z.object({ userId: z.string(), roles: z.array(z.enum(roles)), expiresAt: z.string() }),
    run(_, { actor }) {
      if (!actor) return Promise.resolve(fail(signInEnded));
      const { userId, roles: granted, expiresAt } = actor;
      return Promise.resolve(
        granted.includes('Admin')
          ? succeed({ userId, roles: [...granted], expiresAt: new Date(expiresAt).toISOString() })
          : fail({ kind: 'forbidden', message: 'this requires the role Gateway.Admin' }),
      );
    },
  });

/** Records a change of the registry in the audit trail. Succeeds once the record is stored. */
export const auditRegistration = ({ audit }: { readonly audit: Audit }): Task =>
  defineTask({
    name: 'audit_registration',
    permissions: ['delegations.read'],
    agent,
    description:
      'Records in the audit trail that a server was registered, or will be updated or removed, and for whom.',
    timeoutMs: 10_000,
    planOnly: true,
    input: z.strictObject({ slug: slugSchema, act: z.enum(['registered', 'update', 'removal']) }),
    output: z.object({ recorded: z.literal(true) }),
    async run({ slug, act: what }, { tenantId, actor, traceId }) {
      const act = await audit.writeAhead({
        tenantId,
        actor: actor?.userId ?? 'unknown',
        actorName: actor?.name,
        action: `servers.${what}`,
        resource: `servers/${slug}`,
        traceId,
      });
      act.end('succeeded');
      return succeed({ recorded: true });
    },
  });
