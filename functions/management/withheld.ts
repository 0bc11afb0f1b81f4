import type { Principal } from '../../shared/identity/access/actor.ts';
import { type WithheldOf, withheldFrom } from '../../shared/orchestration/tasks/resultAccess.ts';
import type { AppDeps } from '../compose/compose.ts';

/** Returns what is withheld from a caller of the results of tasks, by the current permissions of the tasks. */
export const withheldFor = async (
  principal: Principal,
  { tasks, operatorTenant }: Pick<AppDeps, 'tasks' | 'operatorTenant'>,
): Promise<WithheldOf> => withheldFrom(principal, await tasks(), operatorTenant);
