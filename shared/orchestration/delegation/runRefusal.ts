import type { SessionStore } from '../../identity/sessionStore.ts';
import { CLOCK_TOLERANCE_SECONDS } from '../../identity/verifyToken.ts';
import type { Clock } from '../../platform/clock.ts';
import type { DomainError } from '../../platform/errors.ts';
import { askRefusal, isOpenResult } from '../task/resultAccess.ts';
import type { Task } from '../task/task.ts';
import type { Delegation } from './delegation.ts';

interface RunDeps {
  readonly sessions: Pick<SessionStore, 'find'>;
  readonly operatorTenant: string;
  readonly clock: Clock;
}

/**
 * Why a task may not run for the actor of its row; undefined where it may. The actor must have the permissions of the result
 * under the rules as they are now. A result that not every reader may see also takes a sign-in that lasts, and the session
 * that the work names. A plan, gate or event of the gateway itself is granted all of its tasks. A row that names neither is
 * of an earlier version: it may do what is open to every reader.
 */
export async function runRefusal(
  { tenantId, planId, sessionId, actor, grantedBy }: Delegation,
  task: Task,
  { sessions, operatorTenant, clock }: RunDeps,
): Promise<DomainError | undefined> {
  const isOwnWork = actor !== undefined && grantedBy === undefined;
  if (task.planOnly && (planId === undefined || isOwnWork))
    return forbidden(`the task "${task.name}" runs as a step of a named plan only`);
  if (grantedBy !== undefined || (!actor && isOpenResult(task))) return undefined;
  if (!actor) return forbidden(`nothing says for whom the task "${task.name}" is to run: ask for it again`);
  const refused = askRefusal(task, { tenantId, roles: actor.roles }, operatorTenant);
  if (refused || isOpenResult(task)) return refused;
  const endsAt = actor.expiresAt + CLOCK_TOLERANCE_SECONDS * 1_000;
  if (endsAt <= clock.now().getTime())
    return forbidden(`the sign-in that asked for the task "${task.name}" has ended: sign in and ask again`);
  if (sessionId !== undefined && !(await sessions.find(tenantId, sessionId)))
    return forbidden(`the session that asked for the task "${task.name}" has ended: open one and ask again`);
  return undefined;
}

const forbidden = (message: string): DomainError => ({ kind: 'forbidden', message });
