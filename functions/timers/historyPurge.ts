import { app } from '@azure/functions';
import { purgeEnded } from '../../shared/orchestration/engine/purgeEnded.ts';
import type { AppDeps } from '../compose/compose.ts';

const HOURLY = '0 47 * * * *';

/** Removes plans and delegations that ended long ago, and expired idempotency keys. */
export function registerHistoryPurge(deps: AppDeps): void {
  app.timer('history-purge', {
    schedule: HOURLY,
    handler: async () => {
      await deps.idempotencyKeys.purge(deps.clock.now());
      await purgeEnded(deps);
    },
  });
}
