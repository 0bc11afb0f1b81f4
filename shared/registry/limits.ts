/** Limits and times of the registry. */

// server.json (https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json)

/** Characters of JSON of a `server.json`: the rest of a table row is for what a probe of the server found. */
export const MAX_SERVER_JSON_LENGTH = 32_000;
/** Characters of JSON that a publisher may add under `_meta`: the official registry's limit. */
export const MAX_PUBLISHER_META_LENGTH = 4_096;
/** Characters of a description: the schema's limit. */
export const MAX_DESCRIPTION_LENGTH = 100;
/** Characters of a URL in a record or a document. */
export const MAX_URL_LENGTH = 2_048;
/** Characters of a header value in a record. */
export const MAX_HEADER_VALUE_LENGTH = 1_024;

// Records and versions

/** Characters of a slug. Tool names are `{slug}__{tool}`, and clients bound those. */
export const MAX_SLUG_LENGTH = 40;
/** Items of one kind in a toolset: more than a model can choose from. */
export const MAX_CURATED_ITEMS = 200;
/** Server records that a search reads at once. Records are large. */
export const SERVER_SCAN_ROWS = 200;
/** Reads of one search for servers; then it names where to continue. Well within the time of a request. */
export const MAX_SERVER_SCANS = 50;
/** Versions that a search reads at once. A table gives at most 1,000, and one more than this is read. */
export const VERSION_SCAN_ROWS = 999;
/** Reads of one search for versions; then it names where to continue. Well within the time of a request. */
export const MAX_VERSION_SCANS = 12;
/** Rows of a change of versions. A transaction of Azure Tables takes 100, and some are for the latest version. */
export const MAX_CHANGED_ROWS = 97;
/**
 * Characters of JSON of a change of versions. A transaction takes 4 MiB, and text outside of ASCII is sent as six bytes a code
 * unit.
 */
export const MAX_CHANGED_LENGTH = 600_000;
/** Characters of an encoded version in a row key. A key takes 512: 2 for its kind, 200 for the name, 1 between them. */
export const MAX_VERSION_KEY_LENGTH = 300;
/** How long the state keeps the version of a registry, in ms. Caches check theirs far more often. */
export const REGISTRY_VERSION_TTL_MS = 24 * 3_600_000;

// Registry links

/** Days that a registry link is valid by default. */
export const DEFAULT_LINK_DAYS = 90;
/** Days that a registry link is valid at most. */
export const MAX_LINK_DAYS = 365;

// Other registries, and imported documents

/** Entries of a page: the most that the official API gives. */
export const PAGE_ENTRIES = 100;
/** Entries of a page that are still accepted: a registry may give more than it was asked for. */
export const MAX_PAGE_ENTRIES = 10 * PAGE_ENTRIES;
/** Characters of a cursor of another registry. */
export const MAX_CURSOR_LENGTH = 2_048;
/** Bytes of an imported document or page: as much as an MCP message may have. */
export const MAX_IMPORT_BYTES = 4 * 1024 * 1024;
/** Characters of an imported TOML document: a hundred times what a client keeps in one. */
export const MAX_TOML_LENGTH = 262_144;
/** Pages of an imported list: some 2,000 servers, more than anyone registers at once. */
export const MAX_IMPORT_PAGES = 20;
/** Servers of an imported document, including skipped entries and older versions. */
export const MAX_IMPORT_CANDIDATES = 2_000;
/** Time for all fetches of an import, in ms: its caller waits for the answer. */
export const IMPORT_TIMEOUT_MS = 25_000;
/** Bytes of a page in a sync: 100 of the largest entries that a registry accepts, in characters of three bytes. */
export const MAX_SYNC_PAGE_BYTES = 16 * 1024 * 1024;
/** Lease of the one sync that runs for a tenant, in ms: several times what it takes to read and store a page. */
export const SYNC_LEASE_MS = 120_000;
/** Pages of a pass: a hundred times what any registry has. A registry that gives pages without end is left there. */
export const MAX_PASS_PAGES = 10_000;
/** How far two clocks may differ, in ms. Each pass of a sync looks back by as much. */
export const MAX_CLOCK_SKEW_MS = 600_000;
