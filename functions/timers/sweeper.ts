import { app } from '@azure/functions';
import { sweepStuck } from '../../shared/orchestration/engine/sweepStuck.ts';
import type { AppDeps } from '../compose/compose.ts';

const EVERY_HALF_MINUTE = '*/30 * * * * *';

/** Moves on what a crash or an outage left behind. */
export function registerSweeper(deps: AppDeps): void {
  app.timer('sweeper', { schedule: EVERY_HALF_MINUTE, handler: () => sweepStuck(deps) });
}
