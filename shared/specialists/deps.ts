import type { Audit } from '../audit/journal/audit.ts';
import type { TrailStore } from '../audit/model/trailStore.ts';
import type { OutboundTo } from '../gateway/upstream/outboundTo.ts';
import type { NoteHealth } from '../gateway/upstream/serverHealth.ts';
import type { TokenVerifier } from '../identity/tokens/verifyToken.ts';
import type { RegistrationDeps } from '../orchestration/plans/namedPlan.ts';
import type { Config } from '../platform/config/config.ts';
import type { OutboundClient } from '../platform/outbound/outboundClient.ts';
import type { AskQueues } from '../platform/serviceBus/queueStates.ts';
import type { OpenedStateStore } from '../platform/state/openStateStore.ts';
import type { OpenTableProbe } from '../platform/tables/azureTableProbe.ts';
import type { ListTables } from '../platform/tables/openTables.ts';
import type { OpenTable } from '../platform/tables/tables.ts';
import type { VisibleServers } from '../registry/records/visibleServers.ts';
import type { ToolsetStore } from '../registry/toolsets/toolset.ts';
import type { PublishingDeps } from '../registry/versions/publishRecord.ts';

/** The parts of the running system that the specialists use. */
export interface SpecialistDeps extends RegistrationDeps, PublishingDeps {
  readonly config: Config;
  /** Origin of the token issuer. */
  readonly authority: string;
  readonly outbound: OutboundClient;
  readonly outboundTo: OutboundTo;
  readonly noteHealth: NoteHealth;
  readonly audit: Audit;
  readonly trail: TrailStore;
  readonly state: OpenedStateStore;
  readonly toolsets: ToolsetStore;
  readonly visibleServers: VisibleServers;
  readonly verifyToken: TokenVerifier;
  readonly listTables: ListTables;
  readonly openTableProbe: OpenTableProbe;
  readonly askQueues: AskQueues;
  /** Opens any table of the account, also one that none of these stores uses. */
  readonly openTable: OpenTable;
}
