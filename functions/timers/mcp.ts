import { refreshAll } from '../../shared/gateway/catalogue/refresh.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Timer } from './register.ts';

/** Ends well before the next run. */
const REFRESH_TIMEOUT_MS = 10 * 60_000;

/** The timers of the mcp app. */
export const mcpTimers = (deps: AppDeps): readonly Timer[] => [
  // Refreshes what the catalogue knows of the servers.
  {
    name: 'catalogue-refresh',
    schedule: '0 3,18,33,48 * * * *',
    run: () => refreshAll(deps, deps.config.tenants, AbortSignal.timeout(REFRESH_TIMEOUT_MS)),
  },
];
