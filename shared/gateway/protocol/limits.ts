import type { Bounds } from '../../platform/base/json.ts';

/*
 * Every limit and timeout of the data path, with its unit and its reason. Azure cuts an HTTP call at 230 seconds, so no
 * answer may take longer.
 */

// A call

/** From the first byte to the server up to the last byte of its answer. Its server record may set another limit. */
export const CALL_TIMEOUT_MS = 100_000;
/** Time for a person to answer an elicitation. It replaces the call timeout and stays below the limit of Azure. */
export const PERSON_TIMEOUT_MS = 210_000;
/** Cancellations and other notifications to a server. Nobody waits for them. */
export const NOTIFY_TIMEOUT_MS = 5_000;
/** Delivery of a client's answer to the server that asked. */
export const DELIVERY_TIMEOUT_MS = 20_000;
/** MRTR rounds of one call: more than any form has pages. */
export const MAX_MRTR_ROUNDS = 10;
/** Server requests in one MRTR round. */
export const MAX_MRTR_REQUESTS = 20;
/** How often an instance looks for an answer that another instance received. */
export const ANSWER_POLL_MS = 500;

// An upstream's answer

/** Bytes of one answer. An MCP SDK refuses larger messages by default, so no sound server sends them. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Events of one stream: far more progress than a person follows. */
export const MAX_STREAM_EVENTS = 1_000;
/** Silence within an answer. Servers send progress or comments every 15 seconds during long work; this is twice that. */
export const IDLE_TIMEOUT_MS = 30_000;
/** Time for a server to end an answer that nobody reads on. The connection is then free for the next call. */
export const LINGER_MS = 250;
/** Delay before the stream of a call is resumed: the server's `retry`, within these bounds. */
export const RESUME_DELAY_MS = { least: 100, usual: 1_000, most: 30_000 } as const;

// Sessions with servers

/** The `initialize` handshake. A longer one would leave too little of the caller's time. */
export const OPEN_SESSION_TIMEOUT_MS = 20_000;
export const CLOSE_SESSION_TIMEOUT_MS = 5_000;
/** Sessions that an instance holds: about what its memory and a tenant's busy users need. */
export const MAX_UPSTREAM_SESSIONS = 1_000;
/** Redactors that are cached. Most calls send the same few secrets. */
export const MAX_REDACTORS = 500;

// Protection of servers

/** Calls of one tenant to one server that an instance has open at once. */
export const MAX_CALLS_PER_SERVER = 128;
/** Listening streams of one tenant to one server that an instance has open at once. */
export const MAX_STREAMS_PER_SERVER = 64;
/** Failures in a row that open the circuit breaker. */
export const CIRCUIT_FAILURES = 5;
/** Time until an open circuit is half-open: enough for a server to restart, and short for those who come later. */
export const CIRCUIT_OPEN_MS = 15_000;
/** Age at which an instance reads the open circuits of the other instances again. */
export const CIRCUIT_FRESH_MS = 2_000;
/** Tenants whose open circuits an instance caches. */
export const MAX_CIRCUIT_TENANTS = 200;
/** How long the health of a server is stored. After that it is unknown. */
export const HEALTH_KEPT_MS = 24 * 3_600_000;
/** Time between two changes of a server's health that an instance stores. */
export const HEALTH_NOTE_PAUSE_MS = 1_000;
/** Age at which an instance stores an unchanged health again. */
export const HEALTH_REPEAT_MS = 60_000;
/** Servers whose last health an instance caches. */
export const MAX_HEALTH_SERVERS = 5_000;
/** Characters of the reason for which a server is not healthy. */
export const MAX_HEALTH_REASON = 500;

// Streams to clients

/** Event streams of clients at one instance. Each reads the state every two seconds. */
export const MAX_CLIENT_STREAMS = 1_000;
/** A stream of server-initiated messages. The client opens another one; Azure does not report that a client has left. */
export const LISTEN_TIMEOUT_MS = 200_000;
/** How often a feed looks for changes that other instances made. */
export const FEED_POLL_MS = 2_000;
/** How long a feed waits for its servers' streams to open. */
export const FEED_READY_TIMEOUT_MS = 5_000;
/** Messages that wait for a client to read. Beyond, the feed is closed, and the client lists again when it comes back. */
export const MAX_FEED_BACKLOG = 500;
/** Delay before a feed listens again to a server whose stream ended. */
export const FEED_RETRY_MS = 10_000;
/** Resource subscriptions in one `subscriptions/listen`. */
export const MAX_LISTEN_URIS = 200;
/** Delay of the first comment. The headers leave with the first event, which may take long. */
export const FIRST_COMMENT_MS = 25;
/** Interval of comments. Proxies and load balancers cut silent streams. */
export const COMMENT_INTERVAL_MS = 15_000;

// Sessions of clients

export const CLIENT_SESSION_MS = 24 * 3_600_000;
/** Age at which an instance reads the shared state of a session again; also the delay of a session's end elsewhere. */
export const SESSION_FRESH_MS = 3_000;
/** Sessions whose shared state an instance caches. */
export const MAX_CACHED_SESSIONS = 5_000;
/** Bytes of JSON for the server sessions of one client session, and as many for its subscriptions. The state stores both in one value. */
export const MAX_PART_BYTES = 30_000;
/** Characters of JSON for a client's `clientInfo` and for each of its capabilities. Every request carries them. */
export const MAX_INFO_LENGTH = 1_000;
/** Characters of a sealed token. A longer one is rejected unread. */
export const MAX_TOKEN_LENGTH = 8_192;
/** Subscriptions of one session to one server. The oldest are dropped. */
export const MAX_SUBSCRIPTIONS = 100;

// Catalogue

/** Age of a cached record: a withdrawn server may be called for so long. */
export const RECORD_FRESH_MS = 2_000;
/** Age of a cached list of servers. A change whose announcement was lost is visible after this. */
export const CATALOGUE_FRESH_MS = 30_000;
export const MAX_CACHED_RECORDS = 500;
export const MAX_CACHED_CATALOGUES = 100;
/** Records that the catalogue reads from the store at once. */
export const CATALOGUE_PAGE_SIZE = 100;
/** Age of a list that was discovered with a user's own credential. */
export const PERSONAL_FRESH_MS = 5 * 60_000;
/** The same after a failed discovery. The user may have connected an account meanwhile. */
export const PERSONAL_FAILED_FRESH_MS = 15_000;
/** A discovery that a user waits for. */
export const PERSONAL_DISCOVERY_TIMEOUT_MS = 10_000;
export const MAX_PERSONAL_VIEWS = 1_000;
/** Items in one page of a list: more than most servers have, and few enough to be read at once. */
export const LIST_PAGE_SIZE = 1_000;
/** How long clients may cache the registry's lists: short beside the 15 minutes of the refresh timer, long enough for a conversation. */
export const CLIENT_CACHE_MS = 60_000;

// Discovery

/** Servers that an instance discovers at once. Each takes a connection and up to 400 KiB of JSON. */
export const MAX_DISCOVERIES = 32;
/** One request of a discovery. A slower server would keep its callers waiting too. */
export const DISCOVERY_ANSWER_TIMEOUT_MS = 20_000;
/** Items of one list. A longer list is of no use to a model. */
export const MAX_LIST_ITEMS = 500;
export const MAX_LIST_PAGES = 20;
export const MAX_DEFINITION: Bounds = { depth: 64, keys: 10_000 };
export const MAX_NAME_LENGTH = 128;
export const MAX_URI_LENGTH = 2_048;
/** Characters of JSON of a discovery. A table row holds 512 Ki characters (1 MiB of UTF-16), and the record needs some of them. */
export const MAX_DISCOVERY_LENGTH = 400 * 1024;
/** One refresh of a server, and its lease: an instance that died holds the others off for so long. */
export const REFRESH_TIMEOUT_MS = 25_000;
/** Least time between two refreshes of one server, which may announce changes all the time. */
export const REFRESH_INTERVAL_MS = 1_000;
/** Attempts to get the lease of a refresh. */
export const REFRESH_ATTEMPTS = 3;
/** How long the time of the last confirmed discovery is stored. */
export const CONFIRMED_MS = 24 * 3_600_000;
/** Servers that the refresh timer discovers at once. A slow server holds up its own place only. */
export const TIMER_REFRESHES = 4;
/** Records that the refresh timer reads from the store at once. */
export const TIMER_PAGE_SIZE = 50;
