import type { Audit } from '../../shared/audit/journal/audit.ts';
import type { TrailStore } from '../../shared/audit/model/trailStore.ts';
import type { OutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import type { NoteHealth } from '../../shared/gateway/upstream/serverHealth.ts';
import type { IsRevoked } from '../../shared/identity/access/revocations.ts';
import type { AuthenticateClient } from '../../shared/identity/broker/authenticateClient.ts';
import type { BrowserSignIns } from '../../shared/identity/broker/browserSignIn.ts';
import type { OAuthClients } from '../../shared/identity/broker/client.ts';
import type { RegisteredClientStore } from '../../shared/identity/broker/clientRegistration.ts';
import type { Codes } from '../../shared/identity/broker/codes.ts';
import type { ConsentStore } from '../../shared/identity/broker/consent.ts';
import type { Grants } from '../../shared/identity/broker/grants.ts';
import type { createTokenEndpoint } from '../../shared/identity/broker/tokenEndpoint.ts';
import type { SessionStore } from '../../shared/identity/sessions/sessionStore.ts';
import type { AccessTokenSigner } from '../../shared/identity/tokens/accessTokenSigner.ts';
import type { DelegateDeps } from '../../shared/orchestration/engine/delegate.ts';
import type { EventWatch } from '../../shared/orchestration/events/eventWatch.ts';
import type { Agent } from '../../shared/orchestration/model/agents.ts';
import type { PlanDeps } from '../../shared/orchestration/plans/requestPlan.ts';
import type { ResourcePools } from '../../shared/orchestration/pools/resourcePools.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import type { IdSource } from '../../shared/platform/base/ids.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { IdempotencyStore } from '../../shared/platform/http/idempotency.ts';
import type { OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { DeadLetterQueues } from '../../shared/platform/serviceBus/deadLetters.ts';
import type { OpenedStateStore } from '../../shared/platform/state/openStateStore.ts';
import type { RegistryLinkStore } from '../../shared/registry/links/registryLink.ts';
import type { VisibleServers } from '../../shared/registry/records/visibleServers.ts';
import type { RegistrySyncStore } from '../../shared/registry/sync/registrySync.ts';
import type { UpstreamRegistry } from '../../shared/registry/sync/syncRegistry.ts';
import type { ToolsetStore } from '../../shared/registry/toolsets/toolset.ts';
import type { VersionStore } from '../../shared/registry/versions/versionStore.ts';
import type { AdmissionDeps } from '../http/admit.ts';

/** The authorization server of the gateway's own. */
export interface Broker {
  readonly clients: OAuthClients;
  readonly registeredClients: RegisteredClientStore;
  readonly authenticateClient: AuthenticateClient;
  readonly browserSignIns: BrowserSignIns;
  readonly grants: Grants;
  readonly codes: Codes;
  readonly consents: ConsentStore;
  readonly signer: AccessTokenSigner;
  readonly issueToken: ReturnType<typeof createTokenEndpoint>;
  readonly isRevoked: IsRevoked;
  /** Where people sign in. */
  readonly entraOrigin: string;
}

/** The dependencies of both apps. */
export interface AppDeps extends PlanDeps, DelegateDeps, AdmissionDeps {
  readonly config: Config;
  /** Absent: clients sign in to Entra themselves. */
  readonly broker?: Broker | undefined;
  /** Origin of the token issuer. */
  readonly authority: string;
  readonly outbound: OutboundClient;
  readonly outboundTo: OutboundTo;
  readonly noteHealth: NoteHealth;
  readonly visibleServers: VisibleServers;
  readonly versions: VersionStore;
  readonly links: RegistryLinkStore;
  readonly syncs: RegistrySyncStore;
  readonly idempotencyKeys: IdempotencyStore;
  readonly upstreamRegistry: UpstreamRegistry | undefined;
  /** Creates secrets whose possession grants a right. */
  readonly newSecret: IdSource;
  readonly audit: Audit;
  readonly trail: TrailStore;
  readonly toolsets: ToolsetStore;
  readonly deadLetters: DeadLetterQueues;
  /** The agents whose queues other processes serve. */
  readonly externalAgents: ReadonlySet<Agent>;
  /** Short-lived state that all instances share. */
  readonly state: OpenedStateStore;
  readonly sessions: SessionStore;
  readonly pools: ResourcePools;
  readonly tenants: Config['tenants'];
  /** Raises events about the apps themselves. */
  readonly watch: EventWatch;
  /** Imports the tasks of the agents on first use, so that HTTP instances start without them. */
  readonly tasks: () => Promise<TaskCatalogue>;
}
