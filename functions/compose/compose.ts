import { type Audit, openAudit } from '../../shared/audit/journal/audit.ts';
import { azureTableTrailStore } from '../../shared/audit/journal/azureTableTrailStore.ts';
import type { TrailStore } from '../../shared/audit/model/trailStore.ts';
import { type OutboundTo, createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import type { Agent } from '../../shared/orchestration/model/agents.ts';
import { externalAgentsOf, withExternalAgents } from '../../shared/orchestration/agents/externalAgents.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import type { DelegateDeps } from '../../shared/orchestration/engine/delegate.ts';
import type { PlanDeps } from '../../shared/orchestration/plans/requestPlan.ts';
import { createAgentActivity } from '../../shared/orchestration/agents/activity.ts';
import { createAgentLoads } from '../../shared/orchestration/agents/loads.ts';
import { createQueueShares } from '../../shared/orchestration/engine/createDispatcher.ts';
import { createProgressBoard } from '../../shared/orchestration/agents/progress.ts';
import { routesOf } from '../../shared/orchestration/model/eventRoutes.ts';
import { type EventWatch, createEventWatch } from '../../shared/orchestration/events/eventWatch.ts';
import { gatesOf } from '../../shared/orchestration/plans/qualityGates.ts';
import { type SessionStore, createSessionStore } from '../../shared/identity/sessions/sessionStore.ts';
import { rememberVerified } from '../../shared/identity/tokens/cachedVerifier.ts';
import { createCredentials } from '../../shared/identity/credentials/credentials.ts';
import { createTokenExchange } from '../../shared/identity/credentials/tokenExchange.ts';
import { operatorTenantOf } from '../../shared/identity/access/tenants.ts';
import { createTokenVerifier, REQUIRED_SCOPE } from '../../shared/identity/tokens/verifyToken.ts';
import { azureTableDelegationStore, azureTablePlanStore } from '../../shared/orchestration/stores/azureTableStores.ts';
import { azureTableWaitingLines } from '../../shared/orchestration/stores/azureTableBacklog.ts';
import { type ResourcePools, createResourcePools } from '../../shared/orchestration/pools/resourcePools.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import { type IdSource, randomId, randomSecret } from '../../shared/platform/base/ids.ts';
import { azureTableIdempotencyStore } from '../../shared/platform/http/azureTableIdempotencyStore.ts';
import type { IdempotencyStore } from '../../shared/platform/http/idempotency.ts';
import { jsonLog, writeLine } from '../../shared/platform/telemetry/log.ts';
import { createRedactor } from '../../shared/platform/security/redact.ts';
import { createSeal } from '../../shared/platform/security/seal.ts';
import { secretsOf } from '../../shared/platform/config/secretSettings.ts';
import { type OutboundClient, openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { type OpenedStateStore, openStateStore } from '../../shared/platform/state/openStateStore.ts';
import { openMessageSender } from '../../shared/platform/serviceBus/messageSender.ts';
import { type DeadLetterQueues, openDeadLetterQueues } from '../../shared/platform/serviceBus/deadLetters.ts';
import { openAskQueues } from '../../shared/platform/serviceBus/queueStates.ts';
import { openListTables, openTables } from '../../shared/platform/tables/openTables.ts';
import { azureTableRegistryLinkStore } from '../../shared/registry/links/azureTableRegistryLinkStore.ts';
import type { RegistryLinkStore } from '../../shared/registry/links/registryLinkStore.ts';
import { azureTableRegistrySyncStore } from '../../shared/registry/sync/azureTableRegistrySyncStore.ts';
import type { RegistrySyncStore } from '../../shared/registry/sync/registrySyncStore.ts';
import type { UpstreamRegistry } from '../../shared/registry/sync/syncRegistry.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import type { VersionStore } from '../../shared/registry/versions/versionStore.ts';
import { announced, announcedToolsets } from '../../shared/registry/records/registryVersion.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { sealedServerStore } from '../../shared/registry/records/sealedServerStore.ts';
import { azureTableToolsetStore } from '../../shared/registry/toolsets/azureTableToolsetStore.ts';
import { type VisibleServers, createVisibleServers } from '../../shared/registry/records/visibleServers.ts';
import type { ToolsetStore } from '../../shared/registry/toolsets/toolsetStore.ts';
import type { AdmissionDeps } from '../http/admit.ts';

const ENTRA_AUTHORITY = 'https://login.microsoftonline.com';

/** What both apps stand on. */
export interface AppDeps extends PlanDeps, DelegateDeps, AdmissionDeps {
  readonly config: Config;
  /** Origin of the token issuer. */
  readonly authority: string;
  readonly outbound: OutboundClient;
  readonly outboundTo: OutboundTo;
  readonly visibleServers: VisibleServers;
  readonly versions: VersionStore;
  readonly links: RegistryLinkStore;
  readonly syncs: RegistrySyncStore;
  readonly idempotencyKeys: IdempotencyStore;
  readonly upstreamRegistry: UpstreamRegistry | undefined;
  /** Makes secrets that give a right to whoever knows them. */
  readonly newSecret: IdSource;
  readonly audit: Audit;
  readonly trail: TrailStore;
  readonly toolsets: ToolsetStore;
  readonly deadLetters: DeadLetterQueues;
  /** Those whose queues the apps leave to others. */
  readonly externalAgents: ReadonlySet<Agent>;
  /** What is short-lived and shared by all instances. */
  readonly state: OpenedStateStore;
  readonly sessions: SessionStore;
  readonly pools: ResourcePools;
  readonly tenants: Config['tenants'];
  /** Raises events of what the apps notice of themselves. */
  readonly watch: EventWatch;
  /** Imported when first asked for, so that no cold start of an HTTP instance pays for what the agents can do. */
  readonly tasks: () => Promise<TaskCatalogue>;
}

/** Made once from the settings. Nothing is connected before it is used. */
export function compose(config: Config): AppDeps {
  const clock = systemClock;
  const log = jsonLog(config.app, writeLine, createRedactor(secretsOf(config))?.text);
  const upstreamPolicy = config.privateUpstreams ? ('private_allowed' as const) : ('public' as const);
  const authority = config.localIssuer ?? ENTRA_AUTHORITY;
  const tables = openTables(config.tables);
  const externalAgents = externalAgentsOf(config.externalAgents);
  const seal = createSeal(config.sealingKeys);
  const state = openStateStore({ redisUrl: config.redisUrl, open: tables, clock });
  const shortLived = state.state;
  const operatorTenant = operatorTenantOf(config);
  const stores = {
    versions: azureTableVersionStore(tables),
    links: azureTableRegistryLinkStore(tables),
    syncs: azureTableRegistrySyncStore(tables),
    idempotencyKeys: azureTableIdempotencyStore(tables),
    servers: announced(sealedServerStore(azureTableServerStore(tables), seal), shortLived, randomId),
    toolsets: announcedToolsets(azureTableToolsetStore(tables), shortLived, randomId),
    plans: azureTablePlanStore(tables, config.tenants),
    delegations: azureTableDelegationStore(tables, config.tenants),
  };
  const visibleServers = createVisibleServers({
    ...stores,
    state: shortLived,
    newId: randomId,
    operatorTenant,
  });
  const outbound = openOutboundClient(upstreamPolicy);
  const stateDeps = { state: shortLived, clock, newId: randomId, log };
  const trail = azureTableTrailStore(config.tables);
  const audit = openAudit({ store: trail, clock, newId: randomId, log });
  const eventRoutes = routesOf(config.eventRoutes);
  const sender = openMessageSender(config.serviceBus);
  const lines = azureTableWaitingLines(tables);
  const engine = {
    ...stores,
    operatorTenant,
    clock,
    newId: randomId,
    newSecret: randomSecret,
    log,
    audit,
    sender,
    queueShares: createQueueShares({ ...stores, lines, sender, clock, log, tenants: config.tenants }),
    shortLived,
    eventRoutes,
    sessions: createSessionStore({ ...stateDeps, durable: state.durable, app: config.app, seal }),
    pools: createResourcePools({ ...stateDeps, tenants: config.tenants }),
    activity: createAgentActivity({ ...stateDeps, instanceId: randomId() }),
    progress: createProgressBoard(stateDeps),
  };
  const toAuthority = openOutboundClient(config.localIssuer === undefined ? 'public' : 'private_allowed');
  // The scope as clients must ask Entra for it.
  const challenge = { scope: `api://${config.apiClientId}/${REQUIRED_SCOPE}` };
  const verifyToken = rememberVerified(
    createTokenVerifier(
      { authority, audience: config.apiClientId, tenants: config.tenants },
      { clock, outbound: toAuthority },
    ),
    clock,
  );
  const credentials = createCredentials(config, {
    exchange: createTokenExchange(config, { authority, outbound: toAuthority }),
    clock,
  });
  const specialist = {
    ...engine,
    upstreamPolicy,
    publicOrigin: config.publicOrigin,
    tenants: config.tenants,
    credentials,
    seal,
    config,
    authority,
    outbound,
    outboundTo: createOutboundTo(outbound, credentials, seal),
    trail,
    state,
    visibleServers,
    verifyToken,
    listTables: openListTables(config.tables),
    askQueues: openAskQueues(config.serviceBus),
    openTable: tables,
  };
  return {
    ...specialist,
    externalAgents,
    deadLetters: openDeadLetterQueues(config.serviceBus),
    upstreamRegistry: upstreamRegistryOf(config),
    gates: gatesOf(config.qualityGates),
    loads: createAgentLoads({ ...stores, ...stateDeps }),
    watch: createEventWatch(shortLived, eventRoutes, engine),
    tasks: lazily(async () => {
      const { specialistTasks } = await import('../../shared/specialists/index.ts');
      return withExternalAgents(specialistTasks(specialist), externalAgents);
    }),
    allowedOrigins: config.allowedOrigins,
    challenge,
  };
}

/** The servers of another registry are taken over for the tenant whose gateway this is: the first one. */
function upstreamRegistryOf({ upstreamRegistry: baseUrl, tenants }: Config): UpstreamRegistry | undefined {
  const [tenantId] = tenants;
  return baseUrl === undefined || tenantId === undefined ? undefined : { baseUrl, tenantId };
}

function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
