import type { IsRevoked } from '../../shared/identity/access/revocations.ts';
import { createClientAuthentication } from '../../shared/identity/broker/authenticateClient.ts';
import { azureTableConsentStore } from '../../shared/identity/broker/azureTableConsentStore.ts';
import { azureTableGrantStore } from '../../shared/identity/broker/azureTableGrantStore.ts';
import { azureTableRegisteredClientStore } from '../../shared/identity/broker/azureTableRegisteredClientStore.ts';
import { createBrowserSignIns } from '../../shared/identity/broker/browserSignIn.ts';
import { createClientAssertionCheck } from '../../shared/identity/broker/clientAssertion.ts';
import { createCodes } from '../../shared/identity/broker/codes.ts';
import { createGrants } from '../../shared/identity/broker/grants.ts';
import { createIdJagGrant } from '../../shared/identity/broker/idJag.ts';
import { createOAuthClients } from '../../shared/identity/broker/oauthClients.ts';
import { JWT_BEARER_GRANT } from '../../shared/identity/broker/serverMetadata.ts';
import { createAssertionVerifier } from '../../shared/identity/broker/signedAssertion.ts';
import { createTokenEndpoint } from '../../shared/identity/broker/tokenEndpoint.ts';
import type { EntraSignIn } from '../../shared/identity/credentials/entraSignIn.ts';
import { createAccessTokenSigner } from '../../shared/identity/tokens/accessTokenSigner.ts';
import type { Clock } from '../../shared/platform/base/clock.ts';
import { randomId, randomSecret } from '../../shared/platform/base/ids.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { Seal } from '../../shared/platform/security/seal.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import type { Broker } from './deps.ts';

export interface BrokerDeps {
  readonly tables: OpenTable;
  readonly state: StateStore;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly outbound: OutboundClient;
  readonly isRevoked: IsRevoked;
}

/** Creates the authorization server of the gateway's own. Both apps have it: its grants stand behind on-behalf-of, too. */
export function openBroker(config: Config, entra: EntraSignIn, authority: string, deps: BrokerDeps): Broker {
  const { tables, state, seal, clock, outbound, isRevoked } = deps;
  const ids = { newId: randomId, newSecret: randomSecret };
  const registeredClients = azureTableRegisteredClientStore(tables);
  const clients = createOAuthClients({ config, outbound, registeredClients, clock });
  const verifyAssertion = createAssertionVerifier({ outbound, state, clock });
  const isAssertionOf = createClientAssertionCheck(config.publicOrigin, verifyAssertion);
  const authenticateClient = createClientAuthentication({ clients, isAssertionOf });
  const grantStore = azureTableGrantStore(tables);
  const grants = createGrants({ store: grantStore, entra, state, seal, clock, isRevoked, ...ids });
  const codes = createCodes({ state, grants, ...ids });
  const signer = createAccessTokenSigner(config, { clock, ...ids });
  const tokenDeps = { config, authenticateClient, grants, codes, signer, seal, clock };
  const idJag = createIdJagGrant({ config, verify: verifyAssertion, isRevoked, ...ids });
  return {
    clients,
    registeredClients,
    authenticateClient,
    browserSignIns: createBrowserSignIns({ entra, state, seal, ...ids }),
    grants,
    codes,
    consents: azureTableConsentStore(tables),
    signer,
    issueToken: createTokenEndpoint({ ...tokenDeps, furtherGrants: { [JWT_BEARER_GRANT]: idJag } }),
    isRevoked,
    entraOrigin: authority,
  };
}
