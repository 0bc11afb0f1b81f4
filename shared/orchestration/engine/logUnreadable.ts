import type { OnUnreadable } from '../../platform/tables/tables.ts';
import type { Log } from '../../platform/telemetry/log.ts';

/** Returns a handler that logs unreadable rows, which a scan skips. */
export const logUnreadable =
  (log: Log): OnUnreadable =>
  ({ partition, row }, error) => {
    log.error('row_read_failed', { partition, row }, error);
  };
