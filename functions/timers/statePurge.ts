import { app } from '@azure/functions';
import type { AppDeps } from '../compose/compose.ts';

const HOURLY = '0 17 * * * *';

/** Removes state that has ended, which tables keep until somebody does. */
export function registerStatePurge({ state, clock }: Pick<AppDeps, 'state' | 'clock'>): void {
  app.timer('state-purge', {
    schedule: HOURLY,
    handler: async () => {
      await state.purge(clock.now());
    },
  });
}
