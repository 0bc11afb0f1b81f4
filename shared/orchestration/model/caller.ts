import type { Principal } from '../../identity/access/actor.ts';
import type { Session } from '../../identity/sessions/sessionStore.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';

/** Who asks for work, and in which request. */
export interface Caller {
  readonly principal: Principal;
  readonly trace: Trace;
  /** What the caller signed in with; absent where work goes on after the request. */
  readonly token?: string | undefined;
  /** The id of a request that may be repeated. It stands for one piece of work: a repetition finds what was made under it. */
  readonly requestId?: string;
}

/**
 * Returns the actor of work that a caller asks for. It expires with the sign-in, or with the session where that ends sooner.
 */
export function actorOf({ principal }: Pick<Caller, 'principal'>, session?: Session): Principal {
  if (!session) return principal;
  return { ...principal, expiresAt: Math.min(principal.expiresAt, Date.parse(session.expiresAt)) };
}

/** Returns the id for the work of a request: the id of a request that may be repeated, else a new one. */
export const idFor = ({ requestId }: Caller, newId: IdSource): string => requestId ?? newId();
