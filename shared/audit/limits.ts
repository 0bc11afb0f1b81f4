/** Limits and times of the audit trail. The length of a segment is part of the stored format: see `model/record.ts`. */

/** Characters of a label (actor, action, resource) of a record. */
export const MAX_LABEL_LENGTH = 200;
/** Records in one commit, which are a block. */
export const MAX_BATCH = 100;
/** The time in ms between the oldest and the newest record of a block: a reader looks so far back for records of a time. */
export const BLOCK_SPAN_MS = 10_000;
/** Time in ms after which a waiting record is stored, if no batch became full before. */
export const FLUSH_AFTER_MS = 1_000;
/** Records of one tenant that wait in memory while the store is unavailable: some 5 MB. */
export const MAX_WAITING = 10_000;
/** Refusals of one reason and tenant per window that have a record of their own. */
export const REFUSALS_A_MINUTE = 20;
/** The window for refusals in ms. */
export const REFUSAL_WINDOW_MS = 60_000;
/** Rows that a query to the service returns at once: the most that Azure Tables return. */
export const MAX_ROWS_AT_ONCE = 1_000;
/** Blocks that are read at once from a partition: a few at first, since a full one holds a page of records. Then more. */
export const MIN_BLOCKS_AT_ONCE = 8;
export const MAX_BLOCKS_AT_ONCE = 250;
/** Blocks, or records with rows of their own, that a page of records examines at most. */
export const MAX_EXAMINED = 1_000;
/** Reads of one search; then it names where to continue. Well within the time of a request. */
export const MAX_SEARCH_READS = 5;
/** Records that a verification reads at once. */
export const VERIFY_PAGE_ROWS = 10_000;
/** Records outside of known segments that a verification examines. The oldest that were read are enough for a verdict. */
export const MAX_STRAYS = 1_000;
