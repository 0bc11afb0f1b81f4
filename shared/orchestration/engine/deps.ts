import type { Audit } from '../../audit/journal/audit.ts';
import type { Revocations } from '../../identity/access/revocations.ts';
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

/** The dependencies of the engine. */
export interface OrchestrationDeps {
  readonly delegations: DelegationStore;
  readonly plans: PlanStore;
  readonly sender: MessageSender;
  readonly dispatcher: Dispatcher;
  readonly sessions: SessionStore;
  readonly revocations: Pick<Revocations, 'isStored'>;
  /** The tenant that operates the gateway: the first of `MREG_TENANTS`. */
  readonly operatorTenant: string;
  readonly pools: Pick<ResourcePools, 'allocate' | 'release' | 'heldByPlans'>;
  /** Short-lived state that all instances share. */
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
 * Keeps one tenant from filling an agent's queue, which is first in, first out for all tenants. At most about `MAX_IN_FLIGHT`
 * delegations of a tenant are in flight at an agent: queued or running. The others wait in the backlog of their tenant and
 * agent, and each delegation that ends lets the next one out. A gateway of one tenant has no backlog.
 */
export interface Dispatcher {
  /** Sends the message of a new delegation, or adds the delegation to its backlog. */
  dispatch(delegation: Delegation): Promise<void>;
  /** Sends the message of the next delegation of the backlog, in place of one that has ended. */
  dispatchNext(ended: Delegation): Promise<void>;
  /** Sends what every backlog has room for, since a crash may have lost a send. Returns the ids of all that were waiting. */
  dispatchBacklog(): Promise<ReadonlySet<string>>;
}
