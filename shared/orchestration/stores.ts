import type { OnUnreadable, Page, Stored } from '../platform/tables.ts';
import type { Agent } from './agents.ts';
import type { Delegation } from './delegation/delegation.ts';
import type { Plan } from './plan/plan.ts';

export interface DelegationFilter {
  readonly agent?: Agent | undefined;
  readonly state?: Delegation['state'] | undefined;
  readonly planId?: string | undefined;
}

/** Keeps delegations. An outage is thrown. */
export interface DelegationStore {
  find(tenantId: string, id: string): Promise<Stored<Delegation> | undefined>;
  add(delegation: Delegation): Promise<'inserted' | 'exists'>;
  replace(delegation: Delegation, etag: string): Promise<'replaced' | 'conflict' | 'missing'>;
  /** Those that match all that the filter names, in the order of their ids; `after` is the last id of the page before. */
  list(tenantId: string, filter: DelegationFilter, limit: number, after?: string): Promise<Page<Delegation>>;
  /** Those of all tenants that have not ended and whose message was sent before this time. */
  unfinishedSentBefore(time: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Delegation>>;
}

/** Keeps plans. A plan's row is also the record of what it has yet to send. An outage is thrown. */
export interface PlanStore {
  find(tenantId: string, id: string): Promise<Stored<Plan> | undefined>;
  add(plan: Plan): Promise<'inserted' | 'exists'>;
  replace(plan: Plan, etag: string): Promise<'replaced' | 'conflict' | 'missing'>;
  /** Those of all tenants that run and have not changed since this time. */
  runningUnchangedSince(time: Date, onUnreadable: OnUnreadable): AsyncIterable<Stored<Plan>>;
}
