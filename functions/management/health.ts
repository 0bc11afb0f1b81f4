import { z } from 'zod';
import { createHealthCheck, LOOK_WITHIN_MS } from '../../shared/health/checkHealth.ts';
import { shownHealth } from '../../shared/health/healthReport.ts';
import { invalid } from '../../shared/platform/base/invalid.ts';
import { succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/compose.ts';
import type { Route } from '../http/route.ts';
import { withheldFor } from './withheld.ts';

const waitSchema = z.coerce
  .number()
  .min(1)
  .max(30)
  .transform((seconds) => Math.min(seconds * 1000, LOOK_WITHIN_MS));

/** How the parts of the system are. `?wait=` asks for a new look, for so many seconds at most. */
export function healthRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const health = createHealthCheck(deps);

  const components: Route = {
    name: 'health-components',
    method: 'GET',
    path: 'health/components',
    permission: 'health.read',
    async handle({ principal, trace, query }) {
      const caller = { principal, trace };
      const wait = waitSchema.optional().safeParse(query.get('wait') ?? undefined);
      if (!wait.success) return invalid('wait', 'must be a number of seconds from 1 to 30');
      const report = await (wait.data === undefined
        ? health.current(caller)
        : health.anew(caller, wait.data));
      const body = shownHealth(report, await withheldFor(principal, deps));
      return succeed({ status: 200, headers: { 'cache-control': 'no-store' }, body });
    },
  };
  return [components];
}
