import type { Bounds } from '../../platform/base/json.ts';

/*
 * Every limit and timeout of the data path, with its unit and its reason. Azure cuts an HTTP call at 230 seconds, so no
 * answer may take longer.
 */

// A call

/**
 * How long a server may be silent during a call: before the first byte of its answer, and within it. Every byte counts as a sign of
 * life, also progress and comments. Browser tools wait a minute. The record of a server may set another limit.
 */
export const CALL_TIMEOUT_MS = 100_000;
/** From the first byte to the server up to the last byte of its answer, however lively the server is. */
export const MAX_CALL_MS = 210_000;
/** Time for a person to answer an elicitation. It replaces the call timeout and stays below the limit of Azure. */
export const PERSON_TIMEOUT_MS = 210_000;
/** Cancellations and other notifications to a server. Nobody waits for them. */
export const NOTIFY_TIMEOUT_MS = 5_000;
/** How often an instance looks whether another instance received the cancellation of one of its calls. Short calls end before. */
export const CANCEL_POLL_MS = 1_000;
/** How long a cancellation waits for the instance that answers the call. */
export const CANCEL_KEPT_MS = 10_000;
/** Delivery of a client's answer to the server that asked. */
export const DELIVERY_TIMEOUT_MS = 20_000;
/** MRTR rounds of one call: more than any form has pages. */
export const MAX_MRTR_ROUNDS = 10;
/** Server requests in one MRTR round. */
export const MAX_MRTR_REQUESTS = 20;
/** Calls that an instance holds for the input of modern clients. Each keeps a connection to a server. */
export const MAX_HELD_CALLS = 200;
/** Held calls of one caller at one instance: more than a person answers side by side. */
export const MAX_HELD_CALLS_OF_CALLER = 16;
/** How often an instance looks for an answer that another instance received. */
export const ANSWER_POLL_MS = 500;
/** How long the instance that holds a call may take to find the client's input. After that it counts as dead. */
export const HOLDER_TIMEOUT_MS = 5_000;

// An upstream's answer

/** Bytes of one answer. An MCP SDK refuses larger messages by default, so no sound server sends them. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Events of one stream: far more progress than a person follows. */
export const MAX_STREAM_EVENTS = 1_000;
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
/** How long the listening stream of a modern client's session stays open after its last call. The next call needs it. */
export const SIDE_STREAM_LINGER_MS = 10_000;
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
/** Listening streams of one caller at one instance: those of several windows with several servers each. */
export const MAX_STREAMS_OF_CALLER = 64;
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
/** Sessions whose opened token and shared state an instance caches. */
export const MAX_CACHED_SESSIONS = 5_000;
/**
 * Bytes of JSON for the server sessions of one client session, and as many for its subscriptions. The state stores both in one
 * value.
 */
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
/** Characters of JSON of one page: an MCP SDK refuses messages of more than 4 MiB by default. */
export const MAX_LIST_PAGE_LENGTH = 2 * 1024 * 1024;
/** Characters of the instructions of one server at an endpoint with several: about a page. Its own endpoint has them whole. */
export const MAX_SERVER_INSTRUCTIONS_LENGTH = 2_000;
/** Characters of the instructions of such an endpoint, which clients put into each conversation. */
export const MAX_INSTRUCTIONS_LENGTH = 16_000;
/**
 * How long clients may cache the registry's lists: short beside the 15 minutes of the refresh timer, long enough for a
 * conversation.
 */
export const CLIENT_CACHE_MS = 60_000;

// Discovery

/** Servers that an instance discovers at once. Each takes a connection and up to 4 Mi characters of JSON. */
export const MAX_DISCOVERIES = 32;
/** The probe with `server/discover`. Servers of the legacy era may not answer it at all. */
export const PROBE_TIMEOUT_MS = 5_000;
/** One request of a discovery. A slower server would keep its callers waiting too. */
export const DISCOVERY_ANSWER_TIMEOUT_MS = 20_000;
/** The probe of a server and its lists. It leaves some time of the 20 seconds that the validation of a new server has. */
export const LISTS_TIMEOUT_MS = 16_000;
/** All requests that find out which tools depend on the client. A slower server shows all its tools to everybody. */
export const CLIENT_NEEDS_TIMEOUT_MS = 8_000;
/** Items of one list. The longest list that was seen has some 800 tools. */
export const MAX_LIST_ITEMS = 10_000;
/** Pages of one list. Servers give 10 items a page and more. */
export const MAX_LIST_PAGES = 1_000;
export const MAX_DEFINITION: Bounds = { depth: 64, keys: 10_000 };
export const MAX_NAME_LENGTH = 128;
export const MAX_URI_LENGTH = 2_048;
/** Characters of JSON of a discovery: the longest list that was seen has 0.6 Mi. */
export const MAX_DISCOVERY_LENGTH = 4 * 1024 * 1024;
/** Characters of JSON of a discovery that fit a record in any case. */
export const MAX_PLAIN_DISCOVERY_LENGTH = 400 * 1024;
/** Bytes of a longer discovery once it is packed. A row holds 1 MiB, and its record or its delegation needs some of them. */
export const MAX_PACKED_DISCOVERY_BYTES = 640 * 1024;
/** Entries of a record that say what is left out. One more counts the others. */
export const MAX_LEFT_OUT = 100;
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
