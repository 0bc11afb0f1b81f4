import type { SignedIn } from '../identity/credentials/credentialSources.ts';
import type { TaskHelpers } from '../orchestration/tasks/task.ts';
import type { DomainError } from '../platform/base/errors.ts';

/** The actor with the token that the session keeps; undefined where there is no token. */
export async function signedIn({
  actor,
  token,
}: Pick<TaskHelpers, 'actor' | 'token'>): Promise<SignedIn | undefined> {
  if (!actor) return undefined;
  const kept = await token();
  return kept === undefined ? undefined : { actor, token: kept };
}

/** The error of work whose actor has no sign-in any more. */
export const signInEnded: DomainError = {
  kind: 'unauthenticated',
  message: 'your sign-in has ended, or the session that this was asked for in: sign in and ask again',
};
