import type { Actor } from '../../shared/identity/access/actor.ts';
import { type WithheldOf, withheldFrom } from '../../shared/orchestration/tasks/resultAccess.ts';
import type { AppDeps } from '../compose/deps.ts';

/** Returns what is withheld from a caller of the results of tasks, by the current permissions of the tasks. */
export const withheldFor = async (
  actor: Actor,
  { tasks, operatorTenant }: Pick<AppDeps, 'tasks' | 'operatorTenant'>,
): Promise<WithheldOf> => withheldFrom(actor, await tasks(), operatorTenant);
