import { bearerToken } from '../../shared/identity/verifyToken.ts';
import type { Caller } from '../../shared/orchestration/caller.ts';
import { invalid } from '../../shared/platform/invalid.ts';
import { type Result, succeed } from '../../shared/platform/result.ts';
import type { Call } from '../route.ts';

/** Who asks, with the `Idempotency-Key` of the request. Failure: `invalid` for a key that is none. */
export function callerOf({ principal, trace, headers }: Call<unknown>): Result<Caller> {
  const idempotencyKey = headers.get('idempotency-key');
  const token = bearerToken(headers.get('authorization'));
  if (idempotencyKey === null) return succeed({ principal, trace, token });
  if (!/^[\x21-\x7e]{1,200}$/.test(idempotencyKey))
    return invalid('Idempotency-Key', 'must be 1 to 200 visible ASCII characters');
  return succeed({ principal, trace, token, idempotencyKey });
}
