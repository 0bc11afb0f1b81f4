import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { CredentialSetting } from '../../platform/config/config.ts';
import type { AppIdentity } from '../../platform/managedIdentity/appIdentity.ts';
import type { Actor } from '../access/actor.ts';
import type { AskToken } from './clientCredentials.ts';
import type { Connections, ConnectionTarget } from './connections.ts';
import type { IssuedToken, TokenCache } from './tokenCache.ts';
import type { ExchangeToken } from './tokenExchange.ts';

/** The use of a credential. */
export interface CredentialUse {
  /** The tenant of the server. */
  readonly tenantId: string;
  /** The slug of the server; absent for a server that is not registered, at which no user has an account. */
  readonly slug?: string | undefined;
  /** The URL of the server, as its record shows it. */
  readonly server: string;
  /** The URL of the request. A server may name another one for messages. */
  readonly url: string;
}

/** An actor with the token of the sign-in. */
export interface SignedIn {
  readonly actor: Actor;
  readonly token: string;
}

/** The first user who connected an account to the server: the gateway discovers the server with that account. */
export const FIRST_USER = 'first_user';

/** Whose credential a request gets, where each user has a value of their own. */
export type CredentialOwner = SignedIn | typeof FIRST_USER | undefined;

/** Where the values of a credential come from. */
export interface CredentialSource {
  /** `token`: each user has a value, for the token of the sign-in. `account`: for the user's account at the server. */
  readonly isPerUser?: 'token' | 'account';
  /** Returns the value, or `undefined` where a discovery goes without: nobody has connected an account yet. */
  valueOf(use: CredentialUse, owner: CredentialOwner): Promise<Result<string | undefined>>;
  /**
   * Tells that the server refused the value, with its header `WWW-Authenticate`. Returns the value for a retry, or the failure that
   * replaces the refusal. Absent: there is no other value.
   */
  readonly refused?: (
    use: CredentialUse,
    owner: CredentialOwner,
    value: string,
    challenge: string | undefined,
  ) => Promise<Result<string | undefined>>;
}

export interface SourceDeps {
  readonly exchange: ExchangeToken;
  readonly askToken: AskToken;
  /** The identity of the app. */
  readonly identity: AppIdentity;
  readonly tokens: TokenCache;
  /** Absent: no user has an account at a server. */
  readonly connections?: Connections | undefined;
}

/** Returns the source of a credential of the settings; `undefined` for an account where there are no connections. */
export function sourceOf(
  name: string,
  credential: CredentialSetting,
  deps: SourceDeps,
): CredentialSource | undefined {
  if ('value' in credential) {
    const value = succeed(credential.value);
    return { valueOf: () => Promise.resolve(value) };
  }
  if ('userAccount' in credential) return accountSource(name, deps.connections, credential.userAccount);
  const { tokens } = deps;
  if ('onBehalfOf' in credential)
    return {
      isPerUser: 'token',
      ...tokenSource(tokens, (owner) => exchangeFor(name, credential.onBehalfOf, owner, deps)),
    };
  const ask =
    'managedIdentity' in credential
      ? () => identityToken(credential.managedIdentity, deps.identity)
      : () => deps.askToken(credential.clientCredentials);
  const request = succeed({ tenantId: '', key: name, ask });
  return tokenSource(tokens, () => request);
}

interface TokenRequest {
  /** The tenant whose share of the cache the token takes; empty for a token of the gateway itself. */
  readonly tenantId: string;
  readonly key: string;
  readonly ask: () => Promise<Result<IssuedToken>>;
}

/** Tokens in the cache. A refused one is asked for again. */
function tokenSource(
  tokens: TokenCache,
  requestFor: (owner: CredentialOwner) => Result<TokenRequest>,
): Required<Pick<CredentialSource, 'valueOf' | 'refused'>> {
  async function valueOf(_use: CredentialUse, owner: CredentialOwner): Promise<Result<string>> {
    const request = requestFor(owner);
    if (!request.ok) return request;
    const { tenantId, key, ask } = request.value;
    const given = await tokens.get(tenantId, key, ask);
    return given.ok ? succeed(BEARER + given.value.token) : given;
  }
  return {
    valueOf,
    async refused(use, owner, value) {
      const request = requestFor(owner);
      if (request.ok) await tokens.drop(request.value.key, value.slice(BEARER.length));
      return valueOf(use, owner);
    },
  };
}

const BEARER = 'Bearer ';

function exchangeFor(
  name: string,
  scope: string,
  owner: CredentialOwner,
  { exchange }: SourceDeps,
): Result<TokenRequest> {
  if (owner === undefined || owner === FIRST_USER || owner.actor.kind !== 'user') return nobody(name);
  const { token, actor } = owner;
  const { tenantId, userId, clientId } = actor;
  const key = JSON.stringify([tenantId, userId, clientId, scope]);
  return succeed({ tenantId, key, ask: () => exchange({ tenantId, token, scope }) });
}

async function identityToken(scope: string, identity: AppIdentity): Promise<Result<IssuedToken>> {
  try {
    const { token, expiresOnTimestamp } = await identity.getToken(scope);
    return succeed({ token, expiresAt: expiresOnTimestamp });
  } catch {
    const message = `Azure gives the app's managed identity no token for ${scope}`;
    return fail({ kind: 'unavailable', message });
  }
}

/** The accounts of users at the server, at its own origin alone. `client` is the preset client of the settings. */
export function accountSource(
  name: string,
  connections: Connections | undefined,
  client?: ConnectionTarget['client'],
): CredentialSource | undefined {
  if (connections === undefined) return undefined;
  /** Returns whose account it is and where; `undefined` for a discovery where nobody has one yet. */
  async function find(
    { tenantId, slug, server }: CredentialUse,
    owner: CredentialOwner,
  ): Promise<Result<readonly [Pick<Actor, 'tenantId' | 'userId'>, ConnectionTarget] | undefined>> {
    if (slug === undefined) return owner === FIRST_USER ? succeed(undefined) : nobody(name);
    const target = { slug, url: server, client };
    if (owner === FIRST_USER) {
      const userId = await connections?.firstUserOf(tenantId, slug);
      return succeed(userId === undefined ? undefined : ([{ tenantId, userId }, target] as const));
    }
    if (owner?.actor.kind !== 'user') return nobody(name);
    return succeed([owner.actor, target] as const);
  }
  return {
    isPerUser: 'account',
    async valueOf(use, owner) {
      const found = await find(use, owner);
      if (!found.ok) return found;
      return found.value ? connections.authorizationFor(...found.value) : succeed(undefined);
    },
    async refused(use, owner, value, challenge) {
      const found = await find(use, owner);
      if (!found.ok) return found;
      return found.value ? connections.refused(...found.value, value, challenge) : succeed(undefined);
    },
  };
}

const nobody = (name: string) =>
  fail({
    kind: 'unauthenticated',
    message: `the credential "${name}" is a person's own, and no person is signed in`,
  });
