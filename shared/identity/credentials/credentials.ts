import type { Clock } from '../../platform/base/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import { createTenantCache } from '../../platform/concurrency/tenantCache.ts';
import type { ExchangeToken, ExchangedToken } from './tokenExchange.ts';
import type { Principal } from '../access/actor.ts';
import { operatorTenantOf } from '../access/tenants.ts';

/** Where a credential is to go: on behalf of which tenant, and to which URL. */
export interface CredentialUse {
  readonly tenantId: string;
  readonly url: string;
}

/** Who is signed in, with the token that says so. */
export interface SignedIn {
  readonly principal: Principal;
  readonly token: string;
}

/** The values with which the gateway signs in to upstream servers. They leave here for a request alone. */
export interface Credentials {
  /** Failure: `invalid`, where there is none of this name for this tenant and this URL. Nothing tells which of the three it is. */
  check(name: string, use: CredentialUse): Result<void>;
  /** Whether there are any of which each user has a value of their own. */
  readonly hasPersonal: boolean;
  /** Whether this is one of them. */
  isPersonal(name: string): boolean;
  /**
   * The value; a personal one is exchanged for the token of the user, and remembered until shortly before it ends. Failures as
   * of `check`; `unauthenticated` without a user; those of the exchange.
   */
  valueOf(name: string, use: CredentialUse, user: SignedIn | undefined): Promise<Result<string>>;
}

/** A token that ends sooner is not given out any more. */
const SPARE_MS = 300_000;
const REMEMBERED = 1_000;

/**
 * Credentials by name, each for some tenants and some origins. Deny by default: one that names no tenants is for the operator's
 * tenant alone, and none goes to an origin that it does not name.
 */
export function createCredentials(
  { credentials, tenants }: Pick<Config, 'credentials' | 'tenants'>,
  deps: { readonly exchange: ExchangeToken; readonly clock: Clock },
): Credentials {
  const operatorTenant = operatorTenantOf({ tenants });
  const exchanged = createTenantCache<Promise<Result<ExchangedToken>>>(REMEMBERED);
  const named = (name: string) => (Object.hasOwn(credentials, name) ? credentials[name] : undefined);

  function find(name: string, { tenantId, url }: CredentialUse) {
    const credential = named(name);
    const isFor =
      credential !== undefined &&
      (credential.tenants ?? [operatorTenant]).includes(tenantId) &&
      credential.origins.includes(new URL(url).origin);
    return isFor ? credential : undefined;
  }

  /** One exchange at a time for a user and a scope, whoever asks. A failure is not remembered. */
  async function personal(scope: string, { principal, token }: SignedIn): Promise<Result<ExchangedToken>> {
    const { tenantId, userId, clientId } = principal;
    const key = JSON.stringify([tenantId, userId, clientId, scope]);
    const known = await exchanged.get(key);
    const now = deps.clock.now().getTime();
    if (known?.ok && known.value.expiresAt - SPARE_MS > now) return known;
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
      if (user?.principal.kind !== 'user') return fail(nobody(name));
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
