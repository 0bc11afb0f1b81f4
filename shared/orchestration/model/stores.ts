import type { OnUnreadable, Page, Replacement, Stored } from '../../platform/tables/tables.ts';
import type { Agent } from './agents.ts';
import type { Delegation } from './delegation.ts';
import type { Plan } from './plan.ts';

/** The time span of a list, both ends included. */
interface SpanFilter {
  /** When the work was requested. A step counts at the time of its plan. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export interface DelegationFilter extends SpanFilter {
  readonly agent?: Agent | undefined;
  readonly state?: Delegation['state'] | undefined;
  readonly planId?: string | undefined;
  /** Finds all work that one request began. */
  readonly traceId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Keeps delegations. @throws InfrastructureError in an outage. */
export interface DelegationStore {
  find(tenantId: string, id: string): Promise<Stored<Delegation> | undefined>;
  add(delegation: Delegation): Promise<'inserted' | 'exists'>;
  replace(delegation: Delegation, etag: string): Promise<Replacement>;
  /** Removes a row that has ended. */
  remove(delegation: Delegation, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Returns the rows that match every field of the filter, the latest request first. `after` is the last id of the page before. */
  list(tenantId: string, filter: DelegationFilter, limit: number, after?: string): Promise<Page<Delegation>>;
  /** Yields rows of all tenants that have not ended and were created before this time. It reads no row that has ended. */
  unfinished(madeBefore: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Delegation>>;
  /** Yields rows of all tenants that have expired. It reads the whole table. */
  expired(now: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Delegation>>;
  /** Returns the number of delegations that have not ended, by agent: of one tenant, or of all. */
  countUnfinished(tenantId?: string): Promise<ReadonlyMap<string, number>>;
}

export interface PlanFilter extends SpanFilter {
  readonly name?: string | undefined;
  readonly state?: Plan['state'] | undefined;
  readonly gate?: string | undefined;
  readonly traceId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Keeps plans. A plan's row also records which steps it has yet to delegate. @throws InfrastructureError in an outage. */
export interface PlanStore {
  find(tenantId: string, id: string): Promise<Stored<Plan> | undefined>;
  add(plan: Plan): Promise<'inserted' | 'exists'>;
  replace(plan: Plan, etag: string): Promise<Replacement>;
  /** Removes a row that has ended. */
  remove(plan: Plan, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Returns the rows that match every field of the filter, the latest request first. `after` is the last id of the page before. */
  list(tenantId: string, filter: PlanFilter, limit: number, after?: string): Promise<Page<Plan>>;
  /** Yields rows of all tenants that have not ended and were created before this time. It reads no row that has ended. */
  unfinished(madeBefore: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Plan>>;
  /** Yields rows of all tenants that have expired. It reads the whole table. */
  expired(now: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Plan>>;
}

/** A delegation whose message is not sent yet, because its tenant has enough deliveries in flight at the agent. */
export type BacklogEntry = Pick<Delegation, 'tenantId' | 'agent' | 'id' | 'createdAt'>;

/**
 * Keeps the backlogs of delegations whose messages are not sent yet: one for each tenant and agent, the oldest first. It is an
 * index: the sweeper finds a delegation whose entry is lost. @throws InfrastructureError in an outage.
 */
export interface BacklogStore {
  /** Adds at most 100 entries of one backlog. Entries that exist stay. */
  add(entries: readonly BacklogEntry[]): Promise<void>;
  /** Removes an entry. Returns true to one caller only, false for a missing entry. */
  remove(entry: BacklogEntry): Promise<boolean>;
  /** Removes the oldest entries of a backlog, at most 100, and returns them. No other caller gets them. */
  take(tenantId: string, agent: Agent, limit: number): Promise<readonly BacklogEntry[]>;
  /** Returns the oldest entries of a backlog, at most `limit`. */
  first(tenantId: string, agent: Agent, limit: number): Promise<readonly BacklogEntry[]>;
  /** Returns all entries, one backlog after another. */
  all(): Promise<readonly BacklogEntry[]>;
}
