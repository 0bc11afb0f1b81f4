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

/** Time limit of a request to an authorization server of an upstream server, in ms. */
export const ACCOUNT_TIMEOUT_MS = 10_000;
/** Characters of a token of an account: it has to fit into a header. */
export const MAX_ACCOUNT_TOKEN_LENGTH = 16 * 1024;
/** Scopes of an account, however many its servers name one after the other. */
export const MAX_ACCOUNT_SCOPES = 200;
/** Bytes of an answer of such a server: metadata, a registration, tokens. */
export const MAX_ACCOUNT_BYTES = 256 * 1024;
/** A token of an account that expires within this time in ms is refreshed. */
export const ACCOUNT_MARGIN_MS = 60_000;
/** A link to connect an account, and a sign-in that it began, are valid for this time in ms. */
export const CONNECT_MS = 600_000;
/** A client that the gateway registered at an authorization server is used for this time in ms, then registered again. */
export const REGISTRATION_MS = 25 * 24 * 3_600_000;

/** A person signs in within this time in ms: the page, the state at Entra and its cookie end with it. */
export const SIGN_IN_MS = 600_000;
/** Lifetime of an authorization code in ms. */
export const CODE_MS = 60_000;
/** Lifetime of an access token of the gateway's own in ms. */
export const ACCESS_TOKEN_MS = 600_000;
/** A grant lasts so long at most, in ms, however often its tokens are refreshed. */
export const GRANT_MS = 90 * 24 * 3_600_000;
/** A client that lost the answer to a refresh may repeat it within this time in ms. */
export const REFRESH_GRACE_MS = 10_000;
/** Rows that one read of grants returns. */
export const ROWS_AT_ONCE = 100;
/** A refresh of a token holds its lease so long at most, and others wait so long for it, in ms. */
export const REFRESH_LEASE_MS = 30_000;
export const REFRESH_WAIT_MS = 15_000;

/** An assertion of a client or of an identity provider is valid for so long at most, in ms. */
export const MAX_ASSERTION_MS = 3_600_000;

/** Characters of a client id. */
export const MAX_CLIENT_ID_LENGTH = 500;
/** Client id metadata documents in the cache of an instance. */
export const CLIENT_DOCUMENTS = 1_000;
/** Bytes of such a document: the limit that the specification recommends. */
export const MAX_CLIENT_DOCUMENT_BYTES = 5 * 1024;
/** Time limit of the fetch of a document in ms. */
export const CLIENT_DOCUMENT_TIMEOUT_MS = 5_000;
/** A document is cached for so long in ms where its headers say nothing. */
export const DOCUMENT_AGE_MS = 600_000;
/** No document is used for longer than this in ms, whatever its headers say. */
export const MAX_DOCUMENT_AGE_MS = 24 * 3_600_000;
/** Documents of clients that an instance does not know yet, for each host and minute. */
export const DOCUMENT_FETCHES_A_MINUTE = 200;
/** The same for one address that asks for them. */
export const DOCUMENT_FETCHES_OF_AN_ADDRESS = 20;

/** A client that registered itself is forgotten this long in ms after its last use. */
export const CLIENT_LIFETIME_MS = 90 * 24 * 3_600_000;
/** The use of a client is noted at most once in this time in ms. */
export const CLIENT_USE_MS = 24 * 3_600_000;
/** Clients that can register anew in an hour, at all instances together. */
export const REGISTRATIONS_AN_HOUR = 500;
/** The same for one address, so that one stranger does not use up what is there for all. */
export const REGISTRATIONS_OF_AN_ADDRESS = 50;
/** For this time in ms an instance answers from what it knows about the revocations of a tenant, without a question to the state. */
export const REVOCATIONS_FRESH_MS = 1_000;
/** A store that failed is asked for revocations again after this time in ms. */
export const REVOCATIONS_RETRY_MS = 5_000;
/**
 * After this time in ms an instance reads the revocations of a tenant again, also where the state reports no change. Where it can
 * read nothing, it uses what it knows for so long.
 */
export const REVOCATIONS_MAX_AGE_MS = 60_000;
/** How long the state keeps the version of the revocations of a tenant, in ms. */
export const REVOCATIONS_VERSION_TTL_MS = 24 * 3_600_000;
/** Revocations that are read from the table at once: its largest page, less the row that shows whether there are more. */
export const REVOCATIONS_PAGE = 999;
