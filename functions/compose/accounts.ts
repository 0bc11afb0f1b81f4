import type { IsRevoked } from '../../shared/identity/access/revocations.ts';
import { createAccountClients } from '../../shared/identity/connections/accountClient.ts';
import { type AccountSignIn, createAccountSignIn } from '../../shared/identity/connections/accountSignIn.ts';
import { azureTableConnectionStore } from '../../shared/identity/connections/azureTableConnectionStore.ts';
import type { ConnectionStore } from '../../shared/identity/connections/connection.ts';
import {
  type ConnectionLinks,
  createConnectionLinks,
} from '../../shared/identity/connections/connectionLink.ts';
import { createConnections } from '../../shared/identity/connections/createConnections.ts';
import { createForgetAccount, type ForgetAccount } from '../../shared/identity/connections/forgetAccount.ts';
import { createRefreshAccount } from '../../shared/identity/connections/refreshAccount.ts';
import { createTokenEndpoint } from '../../shared/identity/connections/tokenEndpoint.ts';
import type { Connections } from '../../shared/identity/credentials/connections.ts';
import type { Clock } from '../../shared/platform/base/clock.ts';
import { randomSecret } from '../../shared/platform/base/ids.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { AddressPolicy } from '../../shared/platform/security/addressRules.ts';
import type { Seal } from '../../shared/platform/security/seal.ts';
import type { OpenedStateStore } from '../../shared/platform/state/openStateStore.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';

/** The accounts of users at upstream servers. */
export interface Accounts {
  readonly connections: Connections;
  readonly signIn: AccountSignIn;
  readonly store: ConnectionStore;
  readonly links: ConnectionLinks;
  readonly forget: ForgetAccount;
}

/** Opens the accounts. Without a sign-in of the gateway's own there are none: its pages would not know the person. */
export function openAccounts(
  { publicOrigin, signInClientId }: Pick<Config, 'publicOrigin' | 'signInClientId'>,
  deps: {
    readonly tables: OpenTable;
    readonly state: OpenedStateStore;
    readonly seal: Seal;
    readonly clock: Clock;
    readonly outbound: OutboundClient;
    readonly upstreamPolicy: AddressPolicy;
    readonly isRevoked: IsRevoked;
  },
): Accounts | undefined {
  if (signInClientId === undefined) return undefined;
  const { tables, state, seal, clock, outbound, upstreamPolicy, isRevoked } = deps;
  const search = { outbound, policy: upstreamPolicy };
  const now = () => clock.now().getTime();
  const store = azureTableConnectionStore(tables);
  const tokens = createTokenEndpoint(search, now);
  const links = createConnectionLinks({ publicOrigin, seal, clock });
  const clients = createAccountClients({ search, publicOrigin, durable: state.durable, seal, now });
  const shared = { store, tokens, state: state.state, seal, clock };
  return {
    store,
    links,
    connections: createConnections({ ...shared, links, isRevoked, refresh: createRefreshAccount(shared) }),
    signIn: createAccountSignIn({ ...shared, search, clients, newSecret: randomSecret, publicOrigin }),
    forget: createForgetAccount(shared),
  };
}
