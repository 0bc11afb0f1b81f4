import type { Session, SessionStore } from '../../identity/sessions/sessionStore.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { Caller } from '../model/caller.ts';

/** The session that work is to be done for: the caller's own. Failure: `not_found` for any other. */
export async function checkSession(
  id: string | undefined,
  { principal: { tenantId, userId } }: Caller,
  sessions: Pick<SessionStore, 'find'>,
): Promise<Result<Session | undefined>> {
  if (id === undefined) return succeed(undefined);
  const session = await sessions.find(tenantId, id);
  if (session?.userId === userId) return succeed(session);
  return fail({ kind: 'not_found', message: `you have no session "${id}": it may have ended` });
}
