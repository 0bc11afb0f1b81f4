import type { RegistrationDeps } from '../shared/orchestration/registerServer.ts';
import { createTokenVerifier, REQUIRED_SCOPE } from '../shared/identity/verifyToken.ts';
import { azureTableDelegationStore, azureTablePlanStore } from '../shared/orchestration/azureTableStores.ts';
import { systemClock } from '../shared/platform/clock.ts';
import type { Config } from '../shared/platform/config.ts';
import { randomId } from '../shared/platform/ids.ts';
import { jsonLog } from '../shared/platform/log.ts';
import { type OutboundClient, openOutboundClient } from '../shared/platform/outbound.ts';
import { openMessageSender } from '../shared/platform/serviceBus.ts';
import { openTables } from '../shared/platform/tables.ts';
import { azureTableServerStore } from '../shared/registry/azureTableServerStore.ts';
import type { AdmissionDeps } from './admit.ts';

const ENTRA_AUTHORITY = 'https://login.microsoftonline.com';

/** What both apps stand on. */
export interface AppDeps extends RegistrationDeps, AdmissionDeps {
  readonly config: Config;
  /** Origin of the token issuer. */
  readonly authority: string;
  readonly outbound: OutboundClient;
}

/** Made once from the settings. Nothing is connected before it is used. */
export function compose(config: Config): AppDeps {
  const clock = systemClock;
  const log = jsonLog(config.app);
  const upstreamPolicy = config.privateUpstreams ? ('private_allowed' as const) : ('public' as const);
  const authority = config.localIssuer ?? ENTRA_AUTHORITY;
  const tables = openTables(config.tables);
  return {
    config,
    authority,
    clock,
    newId: randomId,
    log,
    upstreamPolicy,
    publicOrigin: config.publicOrigin,
    servers: azureTableServerStore(tables),
    plans: azureTablePlanStore(tables),
    delegations: azureTableDelegationStore(tables),
    sender: openMessageSender(config.serviceBus),
    outbound: openOutboundClient(upstreamPolicy),
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
