/**
 * The budgets of operations. They are compared with the median, so that one pause of the machine or of a connection is no finding,
 * and are wide enough that only what users notice is one.
 */

/** A request makes about three table operations one after another, and an answer is slow from three seconds on. */
export const TABLE_OPERATION_MS = 1_000;

/** The timeout of a Redis call is one second: if half of the calls take a quarter of it, calls in a burst time out. */
export const REDIS_OPERATION_MS = 250;

/** A change of state in tables is a read and a write. */
export const TABLE_STATE_MS = 2 * TABLE_OPERATION_MS;

/** An answer of an app that needs no other service: a third of a slow answer. */
export const APP_ANSWER_MS = 1_000;

/** The first sign-in after a start or a key rotation waits for the keys. The timeout of the fetch is five seconds. */
export const KEY_FETCH_MS = 2_000;

/** One RSA verification takes a tenth of a millisecond; if it takes this long, it waits for a processor. */
export const SIGNATURE_MS = 100;

/** A partition is slow if it takes this many times as long as most others, */
export const SLOW_PARTITION_FACTOR = 5;
/** and long enough for users to notice. */
export const SLOW_PARTITION_FLOOR_MS = 200;

/** The most rows that are counted in a partition. A sweep reads pages of 1,000 rows and needs ten of them for as many. */
export const COUNTED_ROWS = 10_000;

/** A partition is hot if it has this many times the average rows of its table, */
export const UNEVEN_FACTOR = 4;
/** and so many rows that this is not by chance. */
export const UNEVEN_FLOOR_ROWS = 1_000;

/** The lowest share of cache reads that find a value. Below it, clients ask for state that has expired or never existed. */
export const HIT_RATIO = 0.5;
/** The fewest reads for which the ratio is meaningful. */
export const HIT_RATIO_FLOOR = 1_000;

/** The share of Redis' memory above which the next burst may fill it. */
export const MEMORY_SHARE = 0.85;
