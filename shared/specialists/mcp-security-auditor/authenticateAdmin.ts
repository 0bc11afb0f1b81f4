import { z } from 'zod';
import { type Principal, roles } from '../../identity/access/actor.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { signInEnded } from '../signedIn.ts';

const outputSchema = z.object({
  userId: z.string(),
  roles: z.array(z.enum(roles)),
  expiresAt: z.string(),
});

/** Checks that the actor of the work is signed in still, and was an administrator when the work was asked for. */
export function authenticateAdmin(): Task {
  return defineTask({
    name: 'authenticate_admin',
    permissions: ['sessions.read'],
    agent: 'mcp-security-auditor',
    description:
      'Checks that the sign-in behind the work has not ended, and that it may administer the registry.',
    timeoutMs: 10_000,
    input: z.strictObject({}),
    output: outputSchema,
    run: (_, { actor }) => Promise.resolve(judge(actor)),
  });
}

function judge(actor: Principal | undefined): Result<z.infer<typeof outputSchema>> {
  if (!actor) return fail(signInEnded);
  if (!actor.roles.includes('Admin'))
    return fail({ kind: 'forbidden', message: 'this takes the role Gateway.Admin' });
  const { userId, roles: granted, expiresAt } = actor;
  return succeed({ userId, roles: [...granted], expiresAt: new Date(expiresAt).toISOString() });
}
