import { azureTableRevocationStore, type RevocationStore } from '../../shared/identity/access/revocation.ts';
import {
  azureTableDelegationStore,
  azureTablePlanStore,
} from '../../shared/orchestration/stores/azureTableStores.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import { azureTableIdempotencyStore } from '../../shared/platform/http/azureTableIdempotencyStore.ts';
import type { Seal } from '../../shared/platform/security/seal.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { azureTableRegistryLinkStore } from '../../shared/registry/links/azureTableRegistryLinkStore.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { versionedStore } from '../../shared/registry/records/registryVersion.ts';
import { sealedServerStore } from '../../shared/registry/records/sealedServerStore.ts';
import { azureTableRegistrySyncStore } from '../../shared/registry/sync/azureTableRegistrySyncStore.ts';
import { azureTableToolsetStore } from '../../shared/registry/toolsets/azureTableToolsetStore.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import type { AppDeps } from './deps.ts';

type Stores = Pick<
  AppDeps,
  'versions' | 'links' | 'syncs' | 'idempotencyKeys' | 'servers' | 'toolsets' | 'plans' | 'delegations'
> & { readonly revocationRows: RevocationStore };

/** Opens the stores of both apps in Azure Tables. Nothing is connected before it is used. `state` holds the registry's version. */
export function openStores(config: Config, tables: OpenTable, state: StateStore, seal: Seal): Stores {
  return {
    versions: azureTableVersionStore(tables),
    links: azureTableRegistryLinkStore(tables),
    syncs: azureTableRegistrySyncStore(tables),
    idempotencyKeys: azureTableIdempotencyStore(tables),
    servers: versionedStore(sealedServerStore(azureTableServerStore(tables), seal), state, randomId),
    toolsets: versionedStore(azureTableToolsetStore(tables), state, randomId),
    plans: azureTablePlanStore(tables, config.tenants),
    delegations: azureTableDelegationStore(tables, config.tenants),
    revocationRows: azureTableRevocationStore(tables),
  };
}
