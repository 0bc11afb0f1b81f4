import type { Session, SessionStore } from '../../identity/sessions/sessionStore.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { Caller } from '../model/caller.ts';

/** Returns the session that a caller names for its work. Failure: `not_found` for a session of another user. */
export async function checkSession(
  id: string | undefined,
  { actor: { tenantId, userId } }: Caller,
  sessions: Pick<SessionStore, 'find'>,
): Promise<Result<Session | undefined>> {
  if (id === undefined) return succeed(undefined);
  const session = await sessions.find(tenantId, id);
  if (session?.actor.userId === userId) return succeed(session);
  return fail({ kind: 'not_found', message: `you have no session "${id}": it may have ended` });
}
