import type { Audit } from '../../audit/journal/audit.ts';
import type { SessionStore } from '../../identity/sessions/sessionStore.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { MessageSender } from '../../platform/serviceBus/messageSender.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { AgentActivity } from '../agents/activity.ts';
import type { ProgressBoard } from '../agents/progress.ts';
import type { QueueShares } from './dispatcher.ts';
import type { EventRoutes } from '../model/eventRoutes.ts';
import type { ResourcePools } from '../pools/resourcePools.ts';
import type { DelegationStore, PlanStore } from '../model/stores.ts';

/** What the engine stands on. */
export interface OrchestrationDeps {
  readonly delegations: DelegationStore;
  readonly plans: PlanStore;
  readonly sender: MessageSender;
  readonly queueShares: QueueShares;
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
