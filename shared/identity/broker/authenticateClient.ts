import { hash } from 'node:crypto';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { isSameSecret } from '../../platform/security/sameSecret.ts';
import type { OAuthClient, OAuthClients } from './client.ts';
import { CLIENT_ASSERTION_TYPE, type IsClientAssertion } from './clientAssertion.ts';
import { oauthFailure } from './oauthError.ts';

/** The fields of a form (`functions/http/form.ts`). */
export type Fields = Readonly<Record<string, string>>;

/**
 * Returns the client of a request to the token or the revocation endpoint, once it has proved who it is: with nothing for a public
 * client, with its secret (`client_secret_basic`, `client_secret_post`; RFC 6749, section 2.3.1), or with an assertion
 * (`private_key_jwt`; RFC 7523, section 2.2). Failures: `invalid_client`, which does not say whether the client exists;
 * `invalid_request`; `unavailable`.
 */
export type AuthenticateClient = (
  form: Fields,
  headers: { get(name: string): string | null },
  /** Where the request comes from. */
  address?: string,
) => Promise<Result<OAuthClient>>;

export interface ClientAuthenticationDeps {
  readonly clients: OAuthClients;
  readonly isAssertionOf: IsClientAssertion;
}

/** What a request says of its client. */
type Claimed =
  | { readonly id: string; readonly proof: 'none' }
  | { readonly id: string; readonly proof: 'secret'; readonly secret: string }
  | { readonly id: string; readonly proof: 'assertion'; readonly assertion: string };

export const createClientAuthentication =
  ({ clients, isAssertionOf }: ClientAuthenticationDeps): AuthenticateClient =>
  async (form, headers, address) => {
    const claimed = claimedBy(form, headers.get('authorization'));
    if (!claimed.ok) return claimed;
    const found = await clients.find(claimed.value.id, address);
    if (!found.ok) return found.error.kind === 'invalid' ? notThatClient : found;
    const proof = await isProved(found.value, claimed.value, isAssertionOf);
    if (proof === 'unknown') return keysAway;
    return proof ? found : notThatClient;
  };

const notThatClient = oauthFailure(
  'invalid_client',
  'the client is unknown, or has not proved who it is: check its id, its secret and how it sends them',
);

const keysAway = fail({
  kind: 'unavailable',
  message: 'the keys of the client cannot be fetched: try again',
});

function claimedBy(form: Fields, authorization: string | null): Result<Claimed> {
  const { client_id: id, client_secret: secret, client_assertion: assertion } = form;
  const basic = authorization === null ? undefined : basicOf(authorization);
  if (basic && !basic.ok) return basic;
  const methods = [basic?.value.secret, secret, assertion].filter((proof) => proof !== undefined);
  if (methods.length > 1) return oauthFailure('invalid_request', 'a client proves who it is in one way only');
  if (assertion !== undefined) {
    if (form['client_assertion_type'] !== CLIENT_ASSERTION_TYPE)
      return oauthFailure('invalid_request', `client_assertion_type must be ${CLIENT_ASSERTION_TYPE}`);
    return id === undefined ? idRequired : succeed({ id, proof: 'assertion', assertion });
  }
  if (basic && id !== undefined && id !== basic.value.id)
    return oauthFailure('invalid_request', 'client_id differs from the client of the Authorization header');
  const named = basic?.value.id ?? id;
  if (named === undefined) return idRequired;
  const shown = basic?.value.secret ?? secret;
  return succeed(
    shown === undefined ? { id: named, proof: 'none' } : { id: named, proof: 'secret', secret: shown },
  );
}

const idRequired = oauthFailure('invalid_request', 'client_id is required');

/** Reads `Basic`: id and secret are form-encoded each, then joined (RFC 6749, section 2.3.1). An empty secret counts as none. */
function basicOf(authorization: string): Result<{ readonly id: string; readonly secret?: string }> {
  const [, encoded] = /^basic +([\w+/=-]+) *$/i.exec(authorization) ?? [];
  const [id, secret] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(/:(.*)/s)
    .map(formDecoded);
  if (id === undefined || id === '' || secret === undefined)
    return oauthFailure(
      'invalid_client',
      'the Authorization header must be "Basic" with client id and secret',
    );
  return succeed(secret === '' ? { id } : { id, secret });
}

/** Decodes a form-encoded text. Many clients do not encode; a text that is no encoding is taken as it is. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

async function isProved(
  client: OAuthClient,
  claimed: Claimed,
  isAssertionOf: IsClientAssertion,
): Promise<boolean | 'unknown'> {
  switch (claimed.proof) {
    case 'assertion':
      return isAssertionOf(claimed.assertion, client);
    case 'secret':
      return client.secretHash !== undefined && isSameSecret(secretHashOf(claimed.secret), client.secretHash);
    case 'none':
      return client.secretHash === undefined && client.keys === undefined;
  }
}

/** Returns SHA-256 of a client secret in base64url. Secrets are random and long, so that a slow hash would protect nothing more. */
export const secretHashOf = (secret: string): string => hash('sha256', secret, 'base64url');
