import type { Clock } from '../../platform/base/clock.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Actor } from '../access/actor.ts';
import { operatorTenantOf } from '../access/tenants.ts';
import { EXCHANGE_CACHE_SIZE, EXCHANGE_MARGIN_MS } from '../limits.ts';
import type { ExchangedToken, ExchangeToken } from './tokenExchange.ts';

/** The use of a credential: for which tenant, and for a request to which URL. */
export interface CredentialUse {
  readonly tenantId: string;
  readonly url: string;
}

/** An actor with the token of the sign-in. */
export interface SignedIn {
  readonly actor: Actor;
  readonly token: string;
}

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
  /**
   * Returns the value. A personal one is exchanged for the token of the user, and cached until shortly before it expires. Failures:
   * those of `check`; `unauthenticated` without a user; those of the exchange.
   */
  valueOf(name: string, use: CredentialUse, user: SignedIn | undefined): Promise<Result<string>>;
}

/**
 * Creates the credentials of the settings, each for some tenants and some origins. Deny by default: a credential without tenants is
 * for the operator's tenant only, and a credential is sent to the origins that it names only.
 */
export function createCredentials(
  { credentials, tenants }: Pick<Config, 'credentials' | 'tenants'>,
  deps: { readonly exchange: ExchangeToken; readonly clock: Clock },
): Credentials {
  const operatorTenant = operatorTenantOf({ tenants });
  const exchanged = createTenantCache<Promise<Result<ExchangedToken>>>(EXCHANGE_CACHE_SIZE);
  const named = (name: string) => (Object.hasOwn(credentials, name) ? credentials[name] : undefined);

  function find(name: string, { tenantId, url }: CredentialUse) {
    const credential = named(name);
    const isFor =
      credential !== undefined &&
      (credential.tenants ?? [operatorTenant]).includes(tenantId) &&
      credential.origins.includes(new URL(url).origin);
    return isFor ? credential : undefined;
  }

  /** Exchanges a token: one exchange at a time for a user and a scope. A failure is not cached. */
  async function personal(scope: string, { actor, token }: SignedIn): Promise<Result<ExchangedToken>> {
    const { tenantId, userId, clientId } = actor;
    const key = JSON.stringify([tenantId, userId, clientId, scope]);
    const known = await exchanged.get(key);
    const now = deps.clock.now().getTime();
    if (known?.ok && known.value.expiresAt - EXCHANGE_MARGIN_MS > now) return known;
    const asked = deps.exchange({ tenantId, token, scope });
    exchanged.set(tenantId, key, asked);
    const result = await asked;
    if (!result.ok && exchanged.get(key) === asked) exchanged.delete(key);
    return result;
  }

  return {
    check: (name, use) => (find(name, use) ? succeed(undefined) : fail(unknown(name, use.url))),
    hasPersonal: Object.values(credentials).some((credential) => 'onBehalfOf' in credential),
    isPersonal: (name) => 'onBehalfOf' in (named(name) ?? {}),
    async valueOf(name, use, user) {
      const credential = find(name, use);
      if (!credential) return fail(unknown(name, use.url));
      if ('value' in credential) return succeed(credential.value);
      if (user?.actor.kind !== 'user') return fail(nobody(name));
      const result = await personal(credential.onBehalfOf, user);
      return result.ok ? succeed(`Bearer ${result.value.token}`) : result;
    },
  };
}

const unknown = (name: string, url: string): DomainError => ({
  kind: 'invalid',
  message: `there is no credential "${name}" for ${new URL(url).origin} in this tenant`,
});

const nobody = (name: string): DomainError => ({
  kind: 'unauthenticated',
  message: `the credential "${name}" is a person's own, and no person is signed in`,
});
