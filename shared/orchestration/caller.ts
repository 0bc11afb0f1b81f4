import { createHash } from 'node:crypto';
import type { Principal } from '../identity/principal.ts';
import type { Session } from '../identity/sessionStore.ts';
import type { IdSource } from '../platform/ids.ts';
import type { Trace } from '../platform/trace.ts';

/** Who asks for work, and in which request. */
export interface Caller {
  readonly principal: Principal;
  readonly trace: Trace;
  /** What the caller signed in with; absent where work goes on after the request. */
  readonly token?: string | undefined;
  /** The `Idempotency-Key` of the request: the same caller gets for the same key what was made the first time. */
  readonly idempotencyKey?: string;
}

/**
 * The actor of work that a caller asks for: the caller, until the sign-in ends, or the session that the work is asked for in.
 */
export function actorOf({ principal }: Pick<Caller, 'principal'>, session?: Session): Principal {
  if (!session) return principal;
  return { ...principal, expiresAt: Math.min(principal.expiresAt, Date.parse(session.expiresAt)) };
}

/** The id of what a request makes: a new one, or with an idempotency key the one that follows from it and the caller. */
export function idFor({ principal, idempotencyKey }: Caller, kind: string, newId: IdSource): string {
  if (idempotencyKey === undefined) return newId();
  const named = JSON.stringify([kind, principal.tenantId, principal.userId, idempotencyKey]);
  return createHash('sha256').update(named).digest('hex').slice(0, 32);
}
