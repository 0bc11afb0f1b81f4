import type { Principal } from '../../identity/access/actor.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { askRefusal, isOpenResult } from '../tasks/resultAccess.ts';
import type { Task } from '../tasks/task.ts';
import type { Delegation } from '../model/delegation.ts';

/**
 * Returns why a task may not run for the actor of its row, or `undefined` where it may. The actor must have the permissions of
 * the result under the rules as they are now. A result that not every reader may see also takes a sign-in that lasts:
 * `current` is the actor until the sign-in ends. A plan, gate or event of the gateway may run all of its tasks. A row that
 * names neither is of an earlier version: it may run tasks whose results are open to every reader.
 */
export function runRefusal(
  { tenantId, planId, actor, grantedBy }: Delegation,
  task: Task,
  current: Principal | undefined,
  operatorTenant: string,
): DomainError | undefined {
  const isOwnWork = actor !== undefined && grantedBy === undefined;
  if (task.planOnly && (planId === undefined || isOwnWork))
    return forbidden(`the task "${task.name}" runs as a step of a named plan only`);
  if (grantedBy !== undefined || (!actor && isOpenResult(task))) return undefined;
  if (!actor)
    return forbidden(`the task "${task.name}" needs an actor and this delegation has none: ask for it again`);
  const refused = askRefusal(task, { tenantId, roles: actor.roles }, operatorTenant);
  if (refused || isOpenResult(task) || current) return refused;
  return forbidden(
    `the sign-in or the session that asked for the task "${task.name}" has ended: sign in and ask again`,
  );
}

const forbidden = (message: string): DomainError => ({ kind: 'forbidden', message });
