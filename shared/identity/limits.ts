/** Limits and times of sign-in, sessions and upstream credentials. */

/** Characters of an access token. Entra's tokens are far shorter, and a longer text would cost time before it is rejected. */
export const MAX_TOKEN_LENGTH = 16 * 1024;
/** Characters of a value of a token that an explanation shows. */
export const MAX_SHOWN_LENGTH = 200;
/** Tokens in the cache. When it is full, the tenant with the most loses the one that was verified first. */
export const TOKEN_CACHE_SIZE = 1_000;
/** A cached token is verified again after this time, so that a key that the issuer removed is trusted no longer. */
export const REFRESH_AFTER_MINUTES = 5;

/** Bytes of a key set: many times the size of Entra's. A longer answer counts as no keys. */
export const MAX_KEYS_BYTES = 256 * 1024;
/** A key set is fetched again after a day, in ms, as Entra recommends. */
export const KEYS_MAX_AGE_MS = 24 * 3_600_000;
/** An unknown key id causes at most one fetch in this time in ms, so that forged tokens cannot flood the issuer. */
export const KEYS_COOLDOWN_MS = 30_000;

/** A session lasts an hour at most, in ms. */
export const MAX_SESSION_MS = 3_600_000;

/** Exchanged tokens in the cache. */
export const EXCHANGE_CACHE_SIZE = 1_000;
/** An exchanged token that expires within this time in ms is exchanged again. */
export const EXCHANGE_MARGIN_MS = 300_000;
/** Time limit of a request to the token service in ms. */
export const EXCHANGE_TIMEOUT_MS = 10_000;
/** Bytes of an answer of the token service. */
export const MAX_EXCHANGE_BYTES = 64 * 1024;

/** For this time in ms an instance answers from what it knows about the revocations of a tenant, without a question to the state. */
export const REVOCATIONS_FRESH_MS = 1_000;
/** After this time in ms an instance reads the revocations of a tenant again, also where the state reports no change. */
export const REVOCATIONS_MAX_AGE_MS = 60_000;
/** How long the state keeps the version of the revocations of a tenant, in ms. */
export const REVOCATIONS_VERSION_TTL_MS = 24 * 3_600_000;
/** Revocations that are read from the table at once: its largest page, less the row that shows whether there are more. */
export const REVOCATIONS_PAGE = 999;
