import type { OnUnreadable } from '../../platform/tables/tables.ts';
import type { Log } from '../../platform/telemetry/log.ts';

/** Logs the rows that a sweep passes over. */
export const logUnreadable =
  (log: Log): OnUnreadable =>
  ({ partition, row }, error) => {
    log.error('row_read_failed', { partition, row }, error);
  };
