import type { Delegation } from '../model/delegation.ts';

/**
 * Keeps one tenant from filling an agent's queue, which is first in, first out for all tenants. About 128 delegations of a
 * tenant are at a queue at once, running or waiting for the agent. The others wait in the line of their tenant and agent,
 * and each that ends makes room for the next of its line. So the first delegation of another tenant waits for about 128 of
 * each tenant, however many those have asked for. A gateway of one tenant has no lines.
 */
export interface QueueShares {
  /** Sends the message of a new delegation, or lets the delegation wait in its line. */
  send(delegation: Delegation): Promise<void>;
  /** Sends the message of the next delegation of the line, in place of one that has ended. */
  passOn(ended: Delegation): Promise<void>;
  /** Sends the delegations of every line that have room, since a crash may have lost a send. Returns the ids of all that waited. */
  refill(): Promise<ReadonlySet<string>>;
}
