import type { Agent } from './agents.ts';
import type { Delegation } from './delegation.ts';

/** The place of a delegation whose message is not sent yet, because its tenant has enough at the queue of the agent. */
export type Place = Pick<Delegation, 'tenantId' | 'agent' | 'id' | 'createdAt'>;

/**
 * The lines of delegations that wait for their messages to be sent: one for each tenant and agent, the oldest first. A line
 * is an index: a delegation whose place is lost is found by the sweeper, as any whose message is lost. An outage is thrown.
 */
export interface WaitingLines {
  /** Adds a place. One that is there already stays. */
  join(place: Place): Promise<void>;
  /** Removes a place. True for one caller alone, false where there is none. */
  leave(place: Place): Promise<boolean>;
  /** Returns the first places of a line, at most `limit`. */
  first(tenantId: string, agent: Agent, limit: number): Promise<readonly Place[]>;
  /** Returns all places of all lines, line by line. */
  all(): Promise<readonly Place[]>;
}
