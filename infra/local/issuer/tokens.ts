import type { Directory, People } from './directory.ts';
import { type EntraError, entraErrors } from './entraErrors.ts';
import type { Grants } from './grants.ts';
import type { SigningKey } from './signingKey.ts';

export interface TokenDeps {
  readonly origin: string;
  readonly key: SigningKey;
  readonly directory: Directory;
  readonly people: People;
  readonly grants: Grants;
}

/** An answer of the token endpoint (RFC 6749, section 5.1). */
export interface Tokens {
  readonly token_type: 'Bearer';
  readonly access_token: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly client_info?: string;
}

/** How long an access token is valid. */
export const GOOD_FOR_SECONDS = 3_600;

/** Returns why an account gets no tokens for a sign-in of this time. */
export function accountError(oid: string, signedInAt: number, people: People): EntraError | undefined {
  if (people.isDisabled(oid)) return entraErrors.disabled;
  return signedInAt < people.validFrom(oid) ? entraErrors.revoked : undefined;
}
