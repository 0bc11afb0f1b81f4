import * as z from 'zod';
import { CHECK_WITHIN_MS, createHealthCheck } from '../../shared/health/checkHealth.ts';
import { shownHealth } from '../../shared/health/healthReport.ts';
import { invalid, succeed } from '../../shared/platform/base/result.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { withheldFor } from './caller.ts';
import { waitParameter } from './wait.ts';

const waitSchema = z.coerce
  .number()
  .min(1)
  .max(30)
  .transform((seconds) => Math.min(Math.floor(seconds) * 1000, CHECK_WITHIN_MS));

/** How the parts of the system are. `?wait=` asks for a new look, for so many seconds at most. */
export function healthRoutes(deps: AppDeps): readonly Route<unknown>[] {
  const health = createHealthCheck(deps);

  const components: Route = {
    name: 'health-components',
    method: 'GET',
    path: 'health/components',
    permission: 'health.read',
    query: waitParameter,
    async handle({ actor, trace, query }) {
      const caller = { actor, trace };
      const wait = waitSchema.optional().safeParse(query.get('wait') ?? undefined);
      if (!wait.success) return invalid('wait', 'must be a number of seconds from 1 to 30');
      const report = await (wait.data === undefined
        ? health.current(caller)
        : health.anew(caller, wait.data));
      const body = shownHealth(report, await withheldFor(actor, deps));
      return succeed({ status: 200, headers: { 'cache-control': 'no-store' }, body });
    },
  };
  return [components];
}
