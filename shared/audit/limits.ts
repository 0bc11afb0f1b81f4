/** Limits and times of the audit trail. The length of a segment is part of the stored format: see `model/record.ts`. */

/** Characters of a label (actor, action, resource) of a record. */
export const MAX_LABEL_LENGTH = 200;
/** Rows of one commit: the limit of a transaction of Azure Tables. */
export const MAX_COMMIT = 100;
/** Records in one commit. It also holds the segment, and the next segment when this one becomes full. */
export const MAX_BATCH = MAX_COMMIT - 2;
/** Time in ms after which a waiting record is stored, if no batch became full before. */
export const FLUSH_AFTER_MS = 1_000;
/** Records of one tenant that wait in memory while the store is unavailable: some 5 MB. */
export const MAX_WAITING = 10_000;
/** Refusals of one reason and tenant per window that have a record of their own. */
export const REFUSALS_A_MINUTE = 20;
/** The window for refusals in ms. */
export const REFUSAL_WINDOW_MS = 60_000;
/** Rows that a search by decision or outcome reads at once. */
export const SEARCH_ROWS = 250;
/** Reads of one search; then it names where to continue. Well within the time of a request. */
export const MAX_SEARCH_READS = 20;
/** Rows that a verification reads at once: the most that Azure Tables return. */
export const VERIFY_PAGE_ROWS = 999;
/** Records outside of known segments that a verification examines. The oldest that were read are enough for a verdict. */
export const MAX_STRAYS = 1_000;
