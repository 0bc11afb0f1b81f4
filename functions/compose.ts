import { type Audit, openAudit } from '../shared/audit/audit.ts';
import { azureTableTrailStore } from '../shared/audit/azureTableTrailStore.ts';
import type { TrailStore } from '../shared/audit/trailStore.ts';
import type { TaskCatalogue } from '../shared/orchestration/task/taskCatalogue.ts';
import type { RegistrationDeps } from '../shared/orchestration/plan/registerServer.ts';
import { createTokenVerifier, REQUIRED_SCOPE } from '../shared/identity/verifyToken.ts';
import { azureTableDelegationStore, azureTablePlanStore } from '../shared/orchestration/azureTableStores.ts';
import { systemClock } from '../shared/platform/clock.ts';
import type { Config } from '../shared/platform/config.ts';
import { type IdSource, randomId, randomSecret } from '../shared/platform/ids.ts';
import { jsonLog } from '../shared/platform/log.ts';
import { type OutboundClient, openOutboundClient } from '../shared/platform/outbound.ts';
import { type OpenedStateStore, openStateStore } from '../shared/platform/openStateStore.ts';
import { openMessageSender } from '../shared/platform/serviceBus.ts';
import { openTables } from '../shared/platform/tables.ts';
import { azureTableServerStore } from '../shared/registry/azureTableServerStore.ts';
import { azureTableRegistryLinkStore } from '../shared/registry/links/azureTableRegistryLinkStore.ts';
import type { RegistryLinkStore } from '../shared/registry/links/registryLinkStore.ts';
import { azureTableVersionStore } from '../shared/registry/versions/azureTableVersionStore.ts';
import type { VersionStore } from '../shared/registry/versions/versionStore.ts';
import type { AdmissionDeps } from './admit.ts';

const ENTRA_AUTHORITY = 'https://login.microsoftonline.com';

/** What both apps stand on. */
export interface AppDeps extends RegistrationDeps, AdmissionDeps {
  readonly config: Config;
  /** Origin of the token issuer. */
  readonly authority: string;
  readonly outbound: OutboundClient;
  readonly versions: VersionStore;
  readonly links: RegistryLinkStore;
  /** Makes secrets that give a right to whoever knows them. */
  readonly newSecret: IdSource;
  readonly audit: Audit;
  readonly trail: TrailStore;
  /** What is short-lived and shared by all instances. */
  readonly state: OpenedStateStore;
  /** Imported when first asked for, so that no cold start of an HTTP instance pays for what the agents can do. */
  readonly tasks: () => Promise<TaskCatalogue>;
}

/** Made once from the settings. Nothing is connected before it is used. */
export function compose(config: Config): AppDeps {
  const clock = systemClock;
  const log = jsonLog(config.app);
  const upstreamPolicy = config.privateUpstreams ? ('private_allowed' as const) : ('public' as const);
  const authority = config.localIssuer ?? ENTRA_AUTHORITY;
  const tables = openTables(config.tables);
  const stores = {
    servers: azureTableServerStore(tables),
    versions: azureTableVersionStore(tables),
    links: azureTableRegistryLinkStore(tables),
    plans: azureTablePlanStore(tables),
    delegations: azureTableDelegationStore(tables),
  };
  const outbound = openOutboundClient(upstreamPolicy);
  const trail = azureTableTrailStore(config.tables);
  return {
    config,
    authority,
    clock,
    newId: randomId,
    newSecret: randomSecret,
    log,
    upstreamPolicy,
    publicOrigin: config.publicOrigin,
    ...stores,
    sender: openMessageSender(config.serviceBus),
    outbound,
    trail,
    audit: openAudit({ store: trail, clock, newId: randomId, log }),
    state: openStateStore({ redisUrl: config.redisUrl, open: tables, clock }),
    tasks: lazily(async () => {
      const { specialistTasks } = await import('../shared/specialists/index.ts');
      return specialistTasks({ ...stores, outbound });
    }),
    allowedOrigins: config.allowedOrigins,
    // The scope as clients must ask Entra for it.
    challenge: { scope: `api://${config.apiClientId}/${REQUIRED_SCOPE}` },
    verifyToken: createTokenVerifier(
      { authority, audience: config.apiClientId, tenants: config.tenants },
      {
        clock,
        outbound: openOutboundClient(config.localIssuer === undefined ? 'public' : 'private_allowed'),
      },
    ),
  };
}

function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
