import { type DomainError } from '../platform/errors.ts';
import type { Config } from '../platform/config.ts';
import { type Result, fail, succeed } from '../platform/result.ts';

/** Where a credential is to go: on behalf of which tenant, and to which URL. */
export interface CredentialUse {
  readonly tenantId: string;
  readonly url: string;
}

/** The values with which the gateway signs in to upstream servers. They are settings, and leave here for a request alone. */
export interface Credentials {
  /** Failure: `invalid`, where there is none of this name for this tenant and this URL. Nothing tells which of the three it is. */
  valueOf(name: string, use: CredentialUse): Result<string>;
}

/**
 * Credentials by name, each for some tenants and some origins. Deny by default: one that names no tenants is for the first
 * tenant alone, and none goes to an origin that it does not name.
 */
export function createCredentials({
  credentials,
  tenants,
}: Pick<Config, 'credentials' | 'tenants'>): Credentials {
  const [first] = tenants;
  return {
    valueOf(name, { tenantId, url }) {
      const credential = Object.hasOwn(credentials, name) ? credentials[name] : undefined;
      const isFor =
        credential !== undefined &&
        (credential.tenants ?? [first]).includes(tenantId) &&
        credential.origins.includes(new URL(url).origin);
      return isFor ? succeed(credential.value) : fail(unknown(name, url));
    },
  };
}

const unknown = (name: string, url: string): DomainError => ({
  kind: 'invalid',
  message: `there is no credential "${name}" for ${new URL(url).origin} in this tenant`,
});
