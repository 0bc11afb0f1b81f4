import type { Audit } from '../audit/audit.ts';
import type { TrailStore } from '../audit/trailStore.ts';
import type { TokenVerifier } from '../identity/verifyToken.ts';
import type { OutboundTo } from '../gateway/upstream/outboundTo.ts';
import type { RegistrationDeps } from '../orchestration/servers/registerServer.ts';
import type { Config } from '../platform/config.ts';
import type { OpenedStateStore } from '../platform/openStateStore.ts';
import type { ListTables } from '../platform/openTables.ts';
import type { OutboundClient } from '../platform/outbound.ts';
import type { AskQueues } from '../platform/serviceBusQueues.ts';
import type { OpenTable } from '../platform/tables.ts';
import type { PublishingDeps } from '../registry/publishRecord.ts';
import type { ToolsetStore } from '../registry/toolsetStore.ts';
import type { VisibleServers } from '../registry/visibleServers.ts';

/** The parts of the running system that the specialists use. */
export interface SpecialistDeps extends RegistrationDeps, PublishingDeps {
  readonly config: Config;
  /** Origin of the token issuer. */
  readonly authority: string;
  readonly outbound: OutboundClient;
  readonly outboundTo: OutboundTo;
  readonly audit: Audit;
  readonly trail: TrailStore;
  readonly state: OpenedStateStore;
  readonly toolsets: ToolsetStore;
  readonly visibleServers: VisibleServers;
  readonly verifyToken: TokenVerifier;
  readonly listTables: ListTables;
  readonly askQueues: AskQueues;
  /** Opens any table of the account, also one that none of these stores uses. */
  readonly openTable: OpenTable;
}
