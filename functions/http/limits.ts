/** Limits and times of HTTP requests to an app. */

/** Bytes of a JSON body: enough for any call of the API or of a tool. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** A client that sends a body above the limit slowly gets its answer after this time in ms, while it still sends. */
export const TOO_LARGE_ANSWER_MS = 5_000;
/** Time in ms for which the rest of a body above the limit is read and discarded; then its reader is cancelled. */
export const DISCARD_TIMEOUT_MS = 60_000;
/** Bytes of such a rest. The Functions host takes bodies of 100 MB. */
export const MAX_DISCARDED_BYTES = 128 * 1024 * 1024;
/** Bytes of all headers: the limit of Node's own servers. The Functions host accepts twice as much. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Time for an answer in ms. It is longer than `?wait=30`, and well under the limits of the host and of Azure's front end. */
export const DEFAULT_DEADLINE_MS = 40_000;
/** An answer that takes longer than this in ms counts as slow, unless the caller asked to wait. */
export const SLOW_MS = 3_000;

/**
 * Time in ms for which a forwarded request waits for its invocation. It is shorter than the other wait: the host asks for its
 * answer when the invocation has failed.
 */
export const REQUEST_WAIT_MS = 5_000;
/** Time in ms for which an invocation waits for its forwarded request. */
export const INVOCATION_WAIT_MS = 6_000;
