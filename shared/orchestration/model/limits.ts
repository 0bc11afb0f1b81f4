/** A plan that does not end gives its share of the resource pools back after this. */
export const PLAN_HOLD_MS = 3_600_000;

/** Servers of one bulk registration. */
export const MAX_BULK_SERVERS = 500;
/** Characters of JSON that the servers of a bulk registration may have: the plan's row holds all of them. */
export const MAX_BULK_LENGTH = 300_000;
/** Servers of one step of a bulk registration. The step registers them one after another. */
export const SERVERS_PER_CHUNK = 25;
/** Time of one step of a bulk registration. */
export const BULK_CHUNK_TIMEOUT_MS = 20 * 60_000;
