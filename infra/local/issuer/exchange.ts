import { importJWK, jwtVerify } from 'jose';
import { issuerOf } from './claims.ts';
import type { Client } from './directory.ts';
import { type EntraError, entraErrors } from './entraErrors.ts';
import { sign } from './signingKey.ts';
import { accountError, GOOD_FOR_SECONDS, type TokenDeps, type Tokens } from './tokens.ts';

/**
 * Returns a token of the assertion's user for the API whose `.default` scope is requested: Entra's On-Behalf-Of flow (RFC 7523). An
 * app's own token has no user on whose behalf to act.
 */
export async function exchangeToken(
  tenant: string,
  client: Client,
  form: URLSearchParams,
  { origin, key, people, directory }: TokenDeps,
): Promise<Tokens | EntraError> {
  const [scope, assertion] = [form.get('scope'), form.get('assertion')];
  if (form.get('requested_token_use') !== 'on_behalf_of') return entraErrors.missing('requested_token_use');
  if (assertion === null) return entraErrors.missing('assertion');
  const [, audience] = /^(.+)\/\.default(?: |$)/.exec(scope ?? '') ?? [];
  if (audience === undefined) return entraErrors.missing('scope');
  const issuer = issuerOf(origin, tenant);
  const verified = await jwtVerify(assertion, await importJWK(key.publicJwk, 'RS256'), {
    issuer,
    audience: directory.api.clientId,
  }).catch(() => undefined);
  const { tid, oid, name, idtyp, iat = 0 } = verified?.payload ?? {};
  if (typeof oid !== 'string' || idtyp === 'app' || client.id !== directory.api.clientId)
    return entraErrors.wrongAssertionOfUser;
  // The time in a token has no milliseconds.
  const refused = accountError(oid, iat * 1_000 + 999, people);
  if (refused) return refused;
  const now = Math.floor(Date.now() / 1_000);
  const claims = { ver: '2.0', iss: issuer, aud: audience, tid, oid, name, scp: 'user_impersonation' };
  return {
    token_type: 'Bearer',
    access_token: await sign(key, { ...claims, azp: client.id, iat: now, exp: now + GOOD_FOR_SECONDS }),
    expires_in: GOOD_FOR_SECONDS,
    scope: `${audience}/.default`,
  };
}
