import type { OnUnreadable, Page, Replacement, Stored } from '../../platform/tables/tables.ts';
import type { Agent } from './agents.ts';
import type { Delegation } from './delegation.ts';
import type { Plan } from './plan.ts';

export interface DelegationFilter {
  readonly agent?: Agent | undefined;
  readonly state?: Delegation['state'] | undefined;
  readonly planId?: string | undefined;
  /** All that one request has set off. */
  readonly traceId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Keeps delegations. An outage is thrown. */
export interface DelegationStore {
  find(tenantId: string, id: string): Promise<Stored<Delegation> | undefined>;
  add(delegation: Delegation): Promise<'inserted' | 'exists'>;
  replace(delegation: Delegation, etag: string): Promise<Replacement>;
  /** For one that has ended. */
  remove(delegation: Delegation, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Those that match all that the filter names, in the order of their ids; `after` is the last id of the page before. */
  list(tenantId: string, filter: DelegationFilter, limit: number, after?: string): Promise<Page<Delegation>>;
  /** Those of all tenants that have not ended and were made before this time. Reads nothing of those that have ended. */
  unfinished(madeBefore: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Delegation>>;
  /** Those of all tenants that may be removed now. It reads the whole table. */
  expired(now: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Delegation>>;
  /** Returns how many have not ended, by agent: of one tenant, or of all. */
  countUnfinished(tenantId?: string): Promise<ReadonlyMap<string, number>>;
}

export interface PlanFilter {
  readonly name?: string | undefined;
  readonly state?: Plan['state'] | undefined;
  readonly gate?: string | undefined;
  readonly traceId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Keeps plans. A plan's row is also the record of what it has yet to send. An outage is thrown. */
export interface PlanStore {
  find(tenantId: string, id: string): Promise<Stored<Plan> | undefined>;
  add(plan: Plan): Promise<'inserted' | 'exists'>;
  replace(plan: Plan, etag: string): Promise<Replacement>;
  /** For one that has ended. */
  remove(plan: Plan, etag: string): Promise<'removed' | 'conflict' | 'missing'>;
  /** Those that match all that the filter names, in the order of their ids; `after` is the last id of the page before. */
  list(tenantId: string, filter: PlanFilter, limit: number, after?: string): Promise<Page<Plan>>;
  /** Those of all tenants that have not ended and were made before this time. Reads nothing of those that have ended. */
  unfinished(madeBefore: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Plan>>;
  /** Those of all tenants that may be removed now. It reads the whole table. */
  expired(now: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Plan>>;
}
