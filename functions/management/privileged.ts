import type { ActOutcome } from '../../shared/audit/model/record.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import type { AppDeps } from '../compose/compose.ts';
import type { Call, Route } from '../http/route.ts';

/**
 * The route, with a record in the audit trail before it acts and another of what came of it. When the first cannot be
 * stored the route does not act: the call is answered with a 503.
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
      const { tenantId, userId } = call.principal;
      const { traceId } = call.trace;
      const act = await audit.writeAhead({
        tenantId,
        actor: userId,
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
