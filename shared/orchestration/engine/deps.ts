import type { Audit } from '../../audit/journal/audit.ts';
import type { SessionStore } from '../../identity/sessions/sessionStore.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { MessageSender } from '../../platform/serviceBus/messageSender.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { AgentActivity } from '../agents/activity.ts';
import type { ProgressBoard } from '../agents/progress.ts';
import type { Delegation } from '../model/delegation.ts';
import type { EventRoutes } from '../model/eventRoutes.ts';
import type { DelegationStore, PlanStore } from '../model/stores.ts';
import type { ResourcePools } from '../pools/resourcePools.ts';

/** What the engine stands on. */
export interface OrchestrationDeps {
  readonly delegations: DelegationStore;
  readonly plans: PlanStore;
  readonly sender: MessageSender;
  readonly dispatcher: Dispatcher;
  readonly sessions: SessionStore;
  /** The tenant that operates the gateway: the first of `MREG_TENANTS`. */
  readonly operatorTenant: string;
  readonly pools: Pick<ResourcePools, 'allocate' | 'release' | 'heldByPlans'>;
  /** What is short-lived and shared by all instances. */
  readonly shortLived: StateStore;
  readonly eventRoutes: EventRoutes;
  readonly activity: AgentActivity;
  readonly progress: ProgressBoard;
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
}

/**
 * Keeps one tenant from filling an agent's queue, which is first in, first out for all tenants. About 128 delegations of a
 * tenant are at a queue at once, running or waiting for the agent. The others wait in the line of their tenant and agent,
 * and each that ends makes room for the next of its line. So the first delegation of another tenant waits for about 128 of
 * each tenant, however many those have asked for. A gateway of one tenant has no lines.
 */
export interface Dispatcher {
  /** Sends the message of a new delegation, or lets the delegation wait in its line. */
  send(delegation: Delegation): Promise<void>;
  /** Sends the message of the next delegation of the line, in place of one that has ended. */
  passOn(ended: Delegation): Promise<void>;
  /** Sends the delegations of every line that have room, since a crash may have lost a send. Returns the ids of all that waited. */
  refill(): Promise<ReadonlySet<string>>;
}
