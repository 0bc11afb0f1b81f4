import type { ActOutcome } from '../../shared/audit/model/record.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Call, Route } from '../http/route.ts';

/**
 * Returns the route with two records in the audit trail: one before it acts, one with the outcome. If the first cannot be
 * stored, the route does not act, and the answer is a 503.
 */
export function privileged<Body>(
  route: Route<Body>,
  action: string,
  resourceOf: (call: Call<Body>) => string,
  audit: AppDeps['audit'],
): Route<Body> {
  return {
    ...route,
    async handle(call) {
      const { tenantId, userId, name } = call.actor;
      const { traceId } = call.trace;
      const act = await audit.writeAhead({
        tenantId,
        actor: userId,
        actorName: name,
        action,
        resource: resourceOf(call),
        traceId,
      });
      let outcome: ActOutcome = 'internal';
      try {
        const result = await route.handle(call);
        outcome = result instanceof Response || result.ok ? 'succeeded' : result.error.kind;
        return result;
      } catch (error) {
        if (error instanceof InfrastructureError) outcome = 'unavailable';
        throw error;
      } finally {
        act.end(outcome);
      }
    },
  };
}
