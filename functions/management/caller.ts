import type { Actor } from '../../shared/identity/access/actor.ts';
import { bearerToken } from '../../shared/identity/tokens/bearerToken.ts';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import { withheldFrom, type WithheldOf } from '../../shared/orchestration/tasks/resultAccess.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Call } from '../http/route.ts';

/** Returns the caller of a request, with the request's id if its sender may repeat it. */
export function callerOf({ actor, trace, headers, requestId }: Call<unknown>): Caller {
  const token = bearerToken(headers.get('authorization'));
  return { actor, trace, token, ...(requestId !== undefined && { requestId }) };
}

/** Returns which results of tasks are withheld from an actor, by the current permissions of the tasks. */
export const withheldFor = async (
  actor: Actor,
  { tasks, operatorTenant }: Pick<AppDeps, 'tasks' | 'operatorTenant'>,
): Promise<WithheldOf> => withheldFrom(actor, await tasks(), operatorTenant);
