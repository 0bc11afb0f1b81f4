import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { ANSWER_BOUNDS, unsafeShape } from '../../shared/platform/base/json.ts';
import { invalid, succeed } from '../../shared/platform/base/result.ts';
import {
  claimKey,
  endClaim,
  IDEMPOTENCY_KEY_RULE,
  type IdempotencyDeps,
  idempotencyKeyPattern,
  type UsedKey,
} from '../../shared/platform/http/idempotency.ts';
import type { Log } from '../../shared/platform/telemetry/log.ts';
import type { Answer, Call, Route } from '../http/route.ts';

export type IdempotentDeps = IdempotencyDeps & { readonly log: Log };

/**
 * Returns the route with support for `Idempotency-Key`: it handles requests with the same key, caller, operation and body once.
 * Reads stay as they are. Failures, beside those of the route: `invalid` and `already_exists` for the key.
 */
export function idempotent<Body>(route: Route<Body>, deps: IdempotentDeps): Route<Body> {
  if (route.method === 'GET' || route.permission === 'anonymous') return route;
  const operation = `${route.method} /${route.path}`;
  const isResumable = route.isResumable === true;
  return {
    ...route,
    async handle(call) {
      const key = call.headers.get('idempotency-key');
      if (key === null) return route.handle(call);
      if (!idempotencyKeyPattern.test(key)) return invalid('Idempotency-Key', IDEMPOTENCY_KEY_RULE);
      const unsafe = unsafeShape(call.body, ANSWER_BOUNDS);
      if (unsafe !== undefined) return invalid('body', unsafe);
      const { tenantId, userId } = call.actor;
      const request = { tenantId, userId, key, operation, content: contentOf(call), isResumable };
      const claimed = await claimKey(request, deps);
      if (!claimed.ok) return claimed;
      if (claimed.value.kind === 'answered') return succeed(claimed.value.answer);
      const { requestId, used } = claimed.value;
      if (isResumable) return route.handle({ ...call, requestId });
      return handleOnce(route, { ...call, requestId }, used, deps);
    },
  };
}

/** Returns everything that decides what the request does. `wait` does not: it only says how long the caller waits. */
function contentOf({ params, query, headers, body }: Call<unknown>) {
  const options = [...query].filter(([name]) => name !== 'wait').sort();
  return { params, options, ifMatch: headers.get('if-match') ?? '*', body: body ?? null };
}

/** Handles the request and keeps its answer, if it succeeds. Otherwise a repetition is handled again. */
async function handleOnce<Body>(
  route: Route<Body>,
  call: Call<Body>,
  used: UsedKey,
  deps: IdempotentDeps,
): ReturnType<Route<Body>['handle']> {
  let answer: Answer | undefined;
  try {
    const result = await route.handle(call);
    if (!(result instanceof Response) && result.ok && result.value.status < 300) answer = result.value;
    return result;
  } finally {
    // The request was handled. After an outage here, a repetition waits until the claim expires.
    const kept = answer && { ...answer, headers: { ...route.answerHeaders, ...answer.headers } };
    await endClaim(used, kept, deps).catch((error: unknown) => {
      if (!(error instanceof InfrastructureError)) throw error;
      deps.log.error('idempotency_claim_end_failed', { route: route.name }, error);
    });
  }
}
