import { createHash } from 'node:crypto';
import type { Principal } from '../identity/principal.ts';
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

/** The id of what a request makes: a new one, or with an idempotency key the one that follows from it and the caller. */
export function idFor({ principal, idempotencyKey }: Caller, kind: string, newId: IdSource): string {
  if (idempotencyKey === undefined) return newId();
  const named = JSON.stringify([kind, principal.tenantId, principal.userId, idempotencyKey]);
  return createHash('sha256').update(named).digest('hex').slice(0, 32);
}
