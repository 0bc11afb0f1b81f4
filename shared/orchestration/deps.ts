import type { Clock } from '../platform/clock.ts';
import type { IdSource } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { MessageSender } from '../platform/serviceBus.ts';
import type { DelegationStore, PlanStore } from './stores.ts';

/** What the engine stands on. */
export interface OrchestrationDeps {
  readonly delegations: DelegationStore;
  readonly plans: PlanStore;
  readonly sender: MessageSender;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
}
