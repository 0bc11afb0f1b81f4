import type { Clock } from '../../platform/base/clock.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { type Config, USER_ACCOUNT } from '../../platform/config/config.ts';
import { operatorTenantOf } from '../access/tenants.ts';
import {
  accountSource,
  type CredentialOwner,
  type CredentialSource,
  type CredentialUse,
  type SourceDeps,
  sourceOf,
} from './credentialSources.ts';
import { createTokenCache } from './tokenCache.ts';

/** The values with which the gateway signs in to upstream servers. A value is used in a request and nowhere else. */
export interface Credentials {
  /**
   * Fails with `invalid` if no credential has this name for this tenant and this URL. The error does not say which of the three
   * is wrong.
   */
  check(name: string, use: CredentialUse): Result<void>;
  /** Whether some credentials are personal: each user has a value of their own. */
  readonly hasPersonal: boolean;
  /** Returns whether the credential is personal. */
  isPersonal(name: string): boolean;
  /** Returns whether the credential is personal and the account of each user at the server. */
  isAccount(name: string): boolean;
  /** Returns whether a value that the server refused may be replaced by another one. */
  isRenewable(name: string): boolean;
  /**
   * Returns the value; `undefined` where a discovery goes without it, because nobody has an account yet. A token is cached until
   * shortly before it expires. Failures: those of `check`; `unauthenticated` without a user; `sign_in_needed` with
   * `members.signInUrl` for a user without an account at the server; those of the service that issues the token.
   */
  valueOf(name: string, use: CredentialUse, owner: CredentialOwner): Promise<Result<string | undefined>>;
  /**
   * Tells that the server refused the value, with its header `WWW-Authenticate`. Returns the value for one retry; the same one, or
   * none, where there is no other. Failures as of `valueOf`.
   */
  refused(
    name: string,
    use: CredentialUse,
    owner: CredentialOwner,
    value: string,
    challenge: string | undefined,
  ): Promise<Result<string | undefined>>;
}

/** A source with the requests that it is for. */
interface Reach {
  readonly source: CredentialSource;
  isFor(use: CredentialUse): boolean;
}

/**
 * Creates the credentials of the settings, each for some tenants and some origins. Deny by default: a credential without tenants is
 * for the operator's tenant only, and a credential is sent to the origins that it names only. The built-in `user-account` is for
 * every tenant, and is sent to the origin of its server only.
 */
export function createCredentials(
  { credentials, tenants }: Pick<Config, 'credentials' | 'tenants'>,
  { clock, ...deps }: Omit<SourceDeps, 'tokens'> & { readonly clock: Clock },
): Credentials {
  const operatorTenant = operatorTenantOf({ tenants });
  const withTokens = { ...deps, tokens: createTokenCache(clock) };
  const known = new Map<string, Reach>();
  for (const [name, credential] of Object.entries(credentials)) {
    const source = sourceOf(name, credential, withTokens);
    const { origins, tenants: users = [operatorTenant] } = credential;
    const isFor = (use: CredentialUse) =>
      users.includes(use.tenantId) &&
      origins.includes(new URL(use.url).origin) &&
      (source?.isPerUser !== 'account' || isOwnOrigin(use));
    if (source) known.set(name, { source, isFor });
  }
  const account = accountSource(USER_ACCOUNT, deps.connections);
  if (account) known.set(USER_ACCOUNT, { source: account, isFor: isOwnOrigin });

  function find(name: string, use: CredentialUse): CredentialSource | undefined {
    const reach = known.get(name);
    return reach?.isFor(use) === true ? reach.source : undefined;
  }
  const perUser = (name: string) => known.get(name)?.source.isPerUser;

  return {
    check: (name, use) => (find(name, use) ? succeed(undefined) : fail(unknown(name, use.url))),
    hasPersonal: [...known.keys()].some((name) => perUser(name) !== undefined),
    isPersonal: (name) => perUser(name) !== undefined,
    isAccount: (name) => perUser(name) === 'account',
    isRenewable: (name) => known.get(name)?.source.refused !== undefined,
    valueOf: (name, use, owner) =>
      find(name, use)?.valueOf(use, owner) ?? Promise.resolve(fail(unknown(name, use.url))),
    refused: (name, use, owner, value, challenge) =>
      find(name, use)?.refused?.(use, owner, value, challenge) ?? Promise.resolve(succeed(value)),
  };
}

/** A user's account at a server is for that server alone, and a server may name an address elsewhere. */
const isOwnOrigin = ({ server, url }: CredentialUse): boolean =>
  new URL(url).origin === new URL(server).origin;

const unknown = (name: string, url: string): DomainError => ({
  kind: 'invalid',
  message: `there is no credential "${name}" for ${new URL(url).origin} in this tenant`,
});
