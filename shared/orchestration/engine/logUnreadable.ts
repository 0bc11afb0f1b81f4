import type { Log } from '../../platform/telemetry/log.ts';
import type { OnUnreadable } from '../../platform/tables/tables.ts';

/** Logs the rows that a sweep passes over. */
export const logUnreadable =
  (log: Log): OnUnreadable =>
  ({ partition, row }, error) => {
    log.error('row_unreadable', { partition, row }, error);
  };
