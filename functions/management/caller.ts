import { bearerToken } from '../../shared/identity/tokens/bearerToken.ts';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import type { Call } from '../http/route.ts';

/** Returns the caller, with the id of the request where its sender may repeat it. */
export function callerOf({ principal, trace, headers, requestId }: Call<unknown>): Caller {
  const token = bearerToken(headers.get('authorization'));
  return { principal, trace, token, ...(requestId !== undefined && { requestId }) };
}
