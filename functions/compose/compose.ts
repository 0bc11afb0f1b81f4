import { openAudit } from '../../shared/audit/journal/audit.ts';
import { azureTableTrailStore } from '../../shared/audit/journal/azureTableTrailStore.ts';
import { createAccountTargetOf } from '../../shared/gateway/upstream/accountTarget.ts';
import { createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import { createHealthNotes } from '../../shared/gateway/upstream/serverHealth.ts';
import { createRevocations } from '../../shared/identity/access/revocations.ts';
import { operatorTenantOf } from '../../shared/identity/access/tenants.ts';
import { createSessionStore } from '../../shared/identity/sessions/sessionStore.ts';
import { createAgentActivity } from '../../shared/orchestration/agents/activity.ts';
import { externalAgentsOf, withExternalAgents } from '../../shared/orchestration/agents/externalAgents.ts';
import { createAgentLoads } from '../../shared/orchestration/agents/loads.ts';
import { createProgressBoard } from '../../shared/orchestration/agents/progress.ts';
import { createDispatcher } from '../../shared/orchestration/engine/dispatcher.ts';
import { createEventWatch } from '../../shared/orchestration/events/eventWatch.ts';
import { routesOf } from '../../shared/orchestration/model/eventRoutes.ts';
import { createRowIds } from '../../shared/orchestration/model/rowIds.ts';
import { gatesOf } from '../../shared/orchestration/plans/qualityGates.ts';
import { createResourcePools } from '../../shared/orchestration/pools/resourcePools.ts';
import { azureTableBacklogStore } from '../../shared/orchestration/stores/azureTableBacklog.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId, randomSecret } from '../../shared/platform/base/ids.ts';
import { lazily } from '../../shared/platform/base/lazily.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import { secretsOf } from '../../shared/platform/config/settingValues.ts';
import { openAppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { markOwnChecks } from '../../shared/platform/outbound/ownCheck.ts';
import { createRedactor } from '../../shared/platform/security/redact.ts';
import { createSeal } from '../../shared/platform/security/seal.ts';
import { openDeadLetterQueues } from '../../shared/platform/serviceBus/deadLetters.ts';
import { openMessageSender } from '../../shared/platform/serviceBus/messageSender.ts';
import { openAskQueues } from '../../shared/platform/serviceBus/queueStates.ts';
import { openStateStore } from '../../shared/platform/state/openStateStore.ts';
import { azureTableProbe } from '../../shared/platform/tables/azureTableProbe.ts';
import { openListTables, openTables, tablesConnection } from '../../shared/platform/tables/openTables.ts';
import { jsonLog, writeLine } from '../../shared/platform/telemetry/log.ts';
import { createVisibleServers } from '../../shared/registry/records/visibleServers.ts';
import type { UpstreamRegistry } from '../../shared/registry/sync/syncRegistry.ts';
import { createRateLimits } from '../http/rateLimits.ts';
import { openAccounts } from './accounts.ts';
import type { AppDeps } from './deps.ts';
import { openSignIn } from './signIn.ts';
import { openStores } from './stores.ts';

/** Creates the dependencies of an app from its settings. Nothing is connected before it is used. */
export function compose(config: Config): AppDeps {
  const clock = systemClock;
  const log = jsonLog(config.app, writeLine, createRedactor(secretsOf(config))?.text);
  const upstreamPolicy = config.privateUpstreams ? ('private_allowed' as const) : ('public' as const);
  const identity = openAppIdentity(config.identityClientId);
  const account = tablesConnection(config.tables, identity);
  const serviceBus = { ...config.serviceBus, identity };
  const tables = openTables(account);
  const externalAgents = externalAgentsOf(config.externalAgents);
  const seal = createSeal(config.sealingKeys);
  const state = openStateStore({
    redisUrl: config.redisUrl,
    signIn: {
      identity,
      onFailure: (error) => {
        log.error('redis_sign_in_failed', {}, error);
      },
    },
    open: tables,
    clock,
  });
  const shortLived = state.state;
  const operatorTenant = operatorTenantOf(config);
  const { revocationRows, ...stores } = openStores(config, tables, shortLived, seal);
  const visibleServers = createVisibleServers({
    ...stores,
    state: shortLived,
    newId: randomId,
    operatorTenant,
  });
  const outbound = openOutboundClient(upstreamPolicy);
  const stateDeps = { state: shortLived, clock, newId: randomId, log };
  const trail = azureTableTrailStore(account);
  const audit = openAudit({ store: trail, clock, newId: randomId, log });
  const eventRoutes = routesOf(config.eventRoutes);
  const sender = openMessageSender(serviceBus);
  const backlog = azureTableBacklogStore(tables);
  const sessions = createSessionStore({ ...stateDeps, durable: state.durable, app: config.app, seal });
  const revocations = createRevocations({
    ...stateDeps,
    store: revocationRows,
    endSignInsOf: async (tenantId, userId) => {
      await sessions.endAllOf(tenantId, userId);
      await broker?.grants.endAllOf(tenantId, userId);
    },
  });
  const engine = {
    ...stores,
    operatorTenant,
    clock,
    newId: createRowIds(clock),
    newSecret: randomSecret,
    log,
    audit,
    sender,
    dispatcher: createDispatcher({ ...stores, backlog, sender, clock, log, tenants: config.tenants }),
    shortLived,
    eventRoutes,
    sessions,
    revocations,
    pools: createResourcePools({ ...stateDeps, tenants: config.tenants }),
    activity: createAgentActivity({ ...stateDeps, instanceId: randomId() }),
    progress: createProgressBoard(stateDeps),
  };
  const { isRevoked } = revocations;
  const accounts = openAccounts(config, { tables, state, seal, clock, outbound, upstreamPolicy, isRevoked });
  const { connections } = accounts ?? {};
  const signInDeps = { tables, state: shortLived, seal, clock, outbound, isRevoked, connections };
  const { authority, broker, challenge, verifyToken, credentials } = openSignIn(config, identity, signInDeps);
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
    noteHealth: createHealthNotes({ state: shortLived, clock }),
    trail,
    state,
    visibleServers,
    verifyToken,
    listTables: openListTables(account),
    openTableProbe: (name: string) => azureTableProbe(account, name),
    askQueues: openAskQueues(serviceBus),
    openTable: tables,
  };
  const origins = [config.publicOrigin, config.managementOrigin];
  const toOwnApps = markOwnChecks(outbound, origins, { seal, clock });
  return {
    ...specialist,
    externalAgents,
    deadLetters: openDeadLetterQueues(serviceBus),
    upstreamRegistry: upstreamRegistryOf(config),
    gates: gatesOf(config.qualityGates),
    loads: createAgentLoads({ ...stores, ...stateDeps }),
    watch: createEventWatch(shortLived, eventRoutes, engine),
    tasks: lazily(async () => {
      const { specialistTasks } = await import('../../shared/specialists/index.ts');
      return withExternalAgents(specialistTasks({ ...specialist, outbound: toOwnApps }), externalAgents);
    }),
    allowedOrigins: config.allowedOrigins,
    isRevoked,
    broker,
    accounts,
    accountTargetOf: createAccountTargetOf(config, { credentials, seal }),
    challenge,
    limits: createRateLimits(config, clock),
  };
}

/** Servers of another registry are imported for the operator's tenant. */
function upstreamRegistryOf({ upstreamRegistry: baseUrl, tenants }: Config): UpstreamRegistry | undefined {
  const [tenantId] = tenants;
  return baseUrl === undefined || tenantId === undefined ? undefined : { baseUrl, tenantId };
}
