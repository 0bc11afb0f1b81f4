import { app } from '@azure/functions';
import { refreshAll } from '../../shared/gateway/catalogue/refreshAll.ts';
import type { AppDeps } from '../compose/compose.ts';

const EVERY_QUARTER_OF_AN_HOUR = '0 3,18,33,48 * * * *';
/** Well before the next time. */
const WITHIN_MS = 10 * 60_000;

/** Brings what the registry knows of its servers up to date. */
export function registerCatalogueRefresh(deps: AppDeps): void {
  app.timer('catalogue-refresh', {
    schedule: EVERY_QUARTER_OF_AN_HOUR,
    handler: () => refreshAll(deps, deps.config.tenants, AbortSignal.timeout(WITHIN_MS)),
  });
}
