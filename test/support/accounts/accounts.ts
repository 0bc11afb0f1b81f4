import type { IsRevoked } from '../../../shared/identity/access/revocations.ts';
import { createAccountClients } from '../../../shared/identity/connections/accountClient.ts';
import {
  type AccountSignIn,
  createAccountSignIn,
} from '../../../shared/identity/connections/accountSignIn.ts';
import { azureTableConnectionStore } from '../../../shared/identity/connections/azureTableConnectionStore.ts';
import type { Connection, ConnectionStore } from '../../../shared/identity/connections/connection.ts';
import {
  type ConnectionLinks,
  createConnectionLinks,
} from '../../../shared/identity/connections/connectionLink.ts';
import { createConnections } from '../../../shared/identity/connections/createConnections.ts';
import {
  createForgetAccount,
  type ForgetAccount,
} from '../../../shared/identity/connections/forgetAccount.ts';
import { createRefreshAccount } from '../../../shared/identity/connections/refreshAccount.ts';
import { createTokenEndpoint } from '../../../shared/identity/connections/tokenEndpoint.ts';
import type { Connections, ConnectionTarget } from '../../../shared/identity/credentials/connections.ts';
import { randomSecret } from '../../../shared/platform/base/ids.ts';
import type { Result } from '../../../shared/platform/base/result.ts';
import { openOutboundClient } from '../../../shared/platform/outbound/outboundClient.ts';
import type { AddressPolicy } from '../../../shared/platform/security/addressRules.ts';
import { azureTableStateStore } from '../../../shared/platform/state/azureTableStateStore.ts';
import type { OpenTable, Table, TableCodec } from '../../../shared/platform/tables/tables.ts';
import { memoryTables } from '../memoryTables.ts';
import { testSeal } from '../seal.ts';

export const anna = { tenantId: 't1', userId: 'anna' };
export const publicOrigin = 'http://127.0.0.1:8001';

/** Tables in memory that several instances open. */
export function sharedTables(): OpenTable {
  const open = memoryTables();
  const opened = new Map<string, unknown>();
  return <T>(name: string, codec: TableCodec<T>): Table<T> => {
    if (!opened.has(name)) opened.set(name, open(name, codec));
    return opened.get(name) as Table<T>;
  };
}

/** Returns the id of the issuer in a redirect URI of the gateway. */
export const issuerIdIn = ({ pathname }: URL): string | undefined =>
  /^\/connections\/callback\/of\/(.+)$/.exec(pathname)?.[1];

export interface TestAccounts {
  readonly signIn: AccountSignIn;
  readonly connections: Connections;
  readonly store: ConnectionStore;
  readonly links: ConnectionLinks;
  readonly forget: ForgetAccount;
  connect(
    target: ConnectionTarget,
    how?: { readonly user?: typeof anna; readonly onWay?: (back: URL) => void },
  ): Promise<Result<Connection>>;
  /** Users whose access an administrator ended. */
  readonly revoked: Set<string>;
  /** Lets time pass. */
  pass(ms: number): void;
  close(): Promise<void>;
}

/** The accounts of users as one instance has them. Instances that share `tables` are instances of one gateway. */
export function openAccounts(
  tables: OpenTable = sharedTables(),
  policy: AddressPolicy = 'private_allowed',
): TestAccounts {
  let offsetMs = 0;
  const clock = { now: () => new Date(Date.now() + offsetMs) };
  const outbound = openOutboundClient(policy);
  const search = { outbound, policy };
  const { state } = azureTableStateStore(tables, clock);
  const store = azureTableConnectionStore(tables);
  const links = createConnectionLinks({ publicOrigin, seal: testSeal, clock });
  const now = () => clock.now().getTime();
  const tokens = createTokenEndpoint(search, now);
  const clients = createAccountClients({ search, publicOrigin, durable: state, seal: testSeal, now });
  const shared = { store, tokens, state, seal: testSeal, clock };
  const signIn = createAccountSignIn({ ...shared, search, clients, newSecret: randomSecret, publicOrigin });
  const revoked = new Set<string>();
  const isRevoked: IsRevoked = ({ userId }) => Promise.resolve(revoked.has(userId));
  const refresh = createRefreshAccount(shared);
  const connections = createConnections({ ...shared, links, isRevoked, refresh });

  /** Goes through the sign-in as a browser does. `onWay` may change the answer. */
  async function connect(
    target: ConnectionTarget,
    { user = anna, onWay = (): void => undefined }: { user?: typeof anna; onWay?: (back: URL) => void } = {},
  ): Promise<Result<Connection>> {
    const begun = await signIn.begin(user, target);
    if (!begun.ok) return begun;
    const { location, cookie } = begun.value;
    const answer = await fetch(location, { redirect: 'manual' });
    const back = new URL(answer.headers.get('location') ?? `${publicOrigin}/?error=refused`);
    onWay(back);
    const ended = await signIn.end(
      back.searchParams,
      (name) => (name === cookie.name ? cookie.value : undefined),
      issuerIdIn(back),
    );
    return ended.result;
  }

  return {
    signIn,
    connections,
    store,
    links,
    connect,
    forget: createForgetAccount(shared),
    revoked,
    pass: (ms: number) => {
      offsetMs += ms;
    },
    close: () => outbound.close(),
  };
}
