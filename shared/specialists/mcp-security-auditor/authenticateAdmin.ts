import { z } from 'zod';
import { roles } from '../../identity/principal.ts';
import { type Task, defineTask } from '../../orchestration/task/task.ts';
import { fail, succeed } from '../../platform/result.ts';

/** Whether the owner of the session is an administrator now, when the work is done, and not only when it was asked for. */
export function authenticateAdmin(): Task {
  return defineTask({
    name: 'authenticate_admin',
    permissions: ['sessions.read'],
    agent: 'mcp-security-auditor',
    description: 'Checks that the owner of the session may administer the registry.',
    timeoutMs: 10_000,
    input: z.strictObject({}),
    output: z.object({ userId: z.string(), roles: z.array(z.enum(roles)), expiresAt: z.string() }),
    async run(_, { authContext }) {
      const context = await authContext();
      if (!context) {
        const message = 'the session has ended, or the sign-in behind it: sign in and ask again';
        return fail({ kind: 'unauthenticated', message });
      }
      if (!context.roles.includes('Admin'))
        return fail({ kind: 'forbidden', message: 'this takes the role Gateway.Admin' });
      const { userId, expiresAt } = context;
      return succeed({ userId, roles: [...context.roles], expiresAt });
    },
  });
}
