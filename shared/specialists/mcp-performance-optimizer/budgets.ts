/**
 * What the parts may take. Judged by the median, so that a pause of the machine or of one connection is no fault, and wide
 * enough that only what users notice is one.
 */

/** A request makes about three operations on tables one after another, and an answer is slow from three seconds on. */
export const TABLE_OPERATION_MS = 1_000;

/** A call to Redis is given up after a second: where half of them take a quarter of it, those in a burst are lost. */
export const REDIS_OPERATION_MS = 250;

/** A change of state on tables is a read and a write. */
export const TABLE_STATE_MS = 2 * TABLE_OPERATION_MS;

/** An answer of an app's own, without work for others: a third of what is slow. */
export const APP_ANSWER_MS = 1_000;

/** Whoever signs in first after a start, or after a key has changed, waits for the keys. The fetch is given up after five seconds. */
export const KEY_FETCH_MS = 2_000;

/** One RSA signature takes a tenth of a millisecond: what takes this long waits for a processor. */
export const SIGNATURE_MS = 100;

/** A partition that takes this many times as long as most others is slow by itself, */
export const SLOW_PARTITION_FACTOR = 5;
/** if users could notice it. */
export const SLOW_PARTITION_FLOOR_MS = 200;

/** Rows of a partition that are counted. A sweep that reads a page of 1,000 rows at a time needs ten for more. */
export const COUNTED_ROWS = 10_000;

/** A partition with this many times the rows of the average of its table takes its load too, */
export const UNEVEN_FACTOR = 4;
/** once there are so many that it is not by chance. */
export const UNEVEN_FLOOR_ROWS = 1_000;

/** Reads of a cache that find something. Below, the state that was asked for had ended, or never was. */
export const HIT_RATIO = 0.5;
/** Reads of which the ratio says something. */
export const HIT_RATIO_FLOOR = 1_000;

/** Share of Redis' memory from which on the next burst may fill it. */
export const MEMORY_SHARE = 0.85;
