import { CLOCK_TOLERANCE_MS } from '../../platform/base/clock.ts';
import type { Bounds } from '../../platform/base/json.ts';

/** Every limit and timeout of this room, with its unit and its reason. Lengths are in characters of JSON. */

// Delegations

/** A task that meets a fault this often fails for good. */
export const MAX_ATTEMPTS = 4;
/** Delay before the first retry. Each retry waits `RETRY_FACTOR` times longer: 1, 4 and 16 s. */
export const FIRST_RETRY_MS = 1_000;
export const RETRY_FACTOR = 4;
/** A lease lasts longer than the timeout of its task by this, so that a slow write of the outcome still holds it. */
export const LEASE_MARGIN_MS = 5_000;
/** Lease of a task that its agent does not have: long enough to record that. */
export const UNKNOWN_TASK_TIMEOUT_MS = 5_000;
/** The first time without an outcome after which a message counts as lost. It doubles with each sending. */
export const RESEND_AFTER_MS = 60_000;
export const MAX_RESEND_AFTER_MS = 3_600_000;
/** Deadline of a delegation that gives none: queueing and retries included. */
export const DEFAULT_DEADLINE_MS = 10 * 60_000;
/** The furthest deadline that a caller may give. */
export const MAX_DEADLINE_MS = 24 * 3_600_000;
/** Shape of an input. */
export const INPUT_BOUNDS: Bounds = { depth: 64, keys: 10_000 };
/** Length of an input that a caller gives. */
export const MAX_INPUT_LENGTH = 200_000;
/** Part of a row that is kept free beside an input and its result, for the other fields of a delegation. */
export const ROW_RESERVE = 30_000;
/** Bytes of an input in a message. The standard tier of Service Bus takes 256 KB, and the rest is less than half. */
export const MAX_MESSAGE_INPUT_BYTES = 128 * 1024;
/** Characters of an error that the worker of an external agent reports. */
export const MAX_REPORTED_ERROR_LENGTH = 2_000;
/** Seconds of a lease that such a worker may ask for at a time. */
export const MAX_REPORTED_LEASE_S = 3_600;

// Sharing an agent's queue among tenants

/** Delegations of one tenant at one queue: they keep eight instances of an agent busy, with 16 at a time each. */
export const MAX_IN_FLIGHT = 128;
/** Delegations that an instance sends for a tenant and an agent before it counts the unfinished ones again. */
export const SENT_PER_COUNT = 64;
/** How long an instance takes a limit as reached without counting again. */
export const LIMIT_REACHED_MS = 1_000;
/** Rows of one page of the backlog. One more is read, to learn whether a page follows: 1,000 is the limit of Azure. */
export const BACKLOG_PAGE = 999;

// Plans

/** Steps of a plan that a caller composes. */
export const MAX_STEPS = 100;
/** Shape of those steps with their inputs. */
export const STEPS_BOUNDS: Bounds = { depth: 64, keys: 20_000 };
/** Length of the JSON pointers to the references in them: the plan's row holds the pointers beside the steps. */
export const MAX_POINTERS_LENGTH = 100_000;
/** Deadline of a step that gives none: queueing and retries included. */
export const STEP_DEADLINE_MS = 10 * 60_000;
/** The same beside a step's input with its references resolved: this leaves room for a small result. */
export const RESOLVED_RESERVE = 40_000;
/** A plan that does not end gives its share of the resource pools back after this. */
export const PLAN_HOLD_MS = 3_600_000;
/** Servers of one bulk registration. */
export const MAX_BULK_SERVERS = 500;
/** Length of those servers: the plan's row holds all of them. */
export const MAX_BULK_LENGTH = 300_000;
/** Servers of one step of a bulk registration. The step registers them one after another. */
export const SERVERS_PER_CHUNK = 25;
/** Deadline of such a step. */
export const BULK_CHUNK_TIMEOUT_MS = 20 * 60_000;

// Rows

/** Days that ended plans and delegations are kept: enough to look into last week's faults and to compare a month's reports. */
export const KEPT_DAYS = 30;
/** Days that ended health checks are kept. One runs every five minutes, and the next one replaces its result. */
export const HEALTH_CHECKS_KEPT_DAYS = 1;
/** Rows that one run of the purge removes: what a busy hour ends. */
export const MAX_PURGED = 1_000;
/** Partitions that one query for unfinished rows reads at the same time. */
export const PARTITIONS_AT_ONCE = 8;

// Dead letters

/** Dead letters that one peek at a queue reads. */
export const DEAD_LETTERS_PER_PEEK = 100;
/** Peeks for one page. After them it is returned with fewer dead letters than requested: the others were of other tenants. */
export const MAX_PEEKS = 10;

// Events

/** Deadline of the delegation that handles an event. */
export const EVENT_DEADLINE_MS = 3_600_000;
/** How long the last result of a gate and the last build of an app are kept, to publish changes only. */
export const LAST_STATUS_KEPT_MS = 30 * 24 * 3_600_000;
/** Subjects whose incidents an instance counts at the same time. The oldest makes room. */
export const MAX_SUBJECTS = 1_000;

// Agents

/** Interval at which an instance reports the load of its agents. */
export const LOAD_REPORT_EVERY_MS = 2_000;
/** Window of the figures per minute. */
export const LOAD_WINDOW_S = 60;
/** Age at which the report of an instance no longer counts. Its time is by the clock of that instance. */
export const LOAD_REPORT_VALID_MS = 15_000 + CLOCK_TOLERANCE_MS;
/** Age at which a report is removed while other instances report. */
export const LOAD_REPORT_REMOVED_MS = 10 * 60_000;
/** How long the last reports of an agent are kept. */
export const LOAD_REPORTS_KEPT_MS = 24 * 3_600_000;
/** Attempts to merge a report into those of other instances. A report that is lost is soon replaced. */
export const MAX_LOAD_MERGES = 5;
/** How long the loads that an instance has read are cached. */
export const LOADS_CACHED_MS = 1_000;
/** Interval at which the newest progress message of a task is written. */
export const PROGRESS_EVERY_MS = 1_000;
export const PROGRESS_KEPT_MS = 3_600_000;
/** Characters of a progress message. */
export const MAX_PROGRESS_LENGTH = 500;

// Resource pools

/** How long an allocation lasts that gives no time. */
export const DEFAULT_HOLD_MS = 5 * 60_000;
export const MAX_HOLD_MS = 3_600_000;
/** Attempts to change the pools, which other instances change too: with waits of up to 200 ms, some two seconds in all. */
export const MAX_POOL_ATTEMPTS = 20;
