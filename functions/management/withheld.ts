import type { Principal } from '../../shared/identity/principal.ts';
import { type WithheldOf, withheldFrom } from '../../shared/orchestration/task/resultAccess.ts';
import type { AppDeps } from '../compose.ts';

/** What is withheld from a caller of the results of tasks, by the tasks' permissions as they are now. */
export const withheldFor = async (
  principal: Principal,
  { tasks, operatorTenant }: Pick<AppDeps, 'tasks' | 'operatorTenant'>,
): Promise<WithheldOf> => withheldFrom(principal, await tasks(), operatorTenant);
