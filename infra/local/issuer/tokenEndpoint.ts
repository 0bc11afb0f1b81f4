import { randomUUID } from 'node:crypto';
import { clientIn, isTenant } from './authorize.ts';
import { accessTokenClaims, idTokenClaims } from './claims.ts';
import type { Client, People, Person } from './directory.ts';
import { type EntraError, entraErrors } from './entraErrors.ts';
import { exchangeToken } from './exchange.ts';
import { type AskedScopes, readScopes } from './scopes.ts';
import { sign } from './signingKey.ts';
import { accountError, GOOD_FOR_SECONDS, type TokenDeps, type Tokens } from './tokens.ts';

/** Answers a request for tokens at an authority: a tenant, or `organizations` or `common`. */
export async function answerTokenRequest(
  authority: string,
  form: URLSearchParams,
  deps: TokenDeps,
): Promise<Tokens | EntraError> {
  const client = clientIn(deps.directory, form.get('client_id'));
  if ('number' in client) return client;
  const grantType = form.get('grant_type');
  if (grantType === null) return entraErrors.missing('grant_type');
  const unproven = wrongProof(client, form);
  if (unproven) return unproven;
  switch (grantType) {
    case 'authorization_code':
      return redeemCode(authority, client, form, deps);
    case 'refresh_token':
      return refresh(authority, client, form, deps);
    case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
      return exchangeToken(authority, client, form, deps);
    default:
      return entraErrors.grantType;
  }
}

function wrongProof({ proof }: Client, form: URLSearchParams): EntraError | undefined {
  const secret = form.get('client_secret');
  const assertion = form.get('client_assertion');
  if (proof.kind === 'none') return (secret ?? assertion) ? entraErrors.isPublic : undefined;
  if (secret === null && assertion === null) return entraErrors.noProof;
  if (proof.kind === 'secret') return secret === proof.secret ? undefined : entraErrors.wrongSecret;
  const isBearer =
    form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  return isBearer && assertion !== null && proof.accepts(assertion) ? undefined : entraErrors.wrongAssertion;
}

async function redeemCode(
  authority: string,
  client: Client,
  form: URLSearchParams,
  deps: TokenDeps,
): Promise<Tokens | EntraError> {
  const [text, redirectUri] = [form.get('code'), form.get('redirect_uri')];
  if (text === null) return entraErrors.missing('code');
  if (redirectUri === null) return entraErrors.missing('redirect_uri');
  const ask = { clientId: client.id, redirectUri, verifier: form.get('code_verifier') };
  const code = deps.grants.takeCode(text, ask);
  if ('number' in code) return code;
  const { request, at } = code;
  const person = personAt(authority, code.oid, at, deps.people);
  if ('number' in person) return person;
  const scopes = readScopes(
    deps.directory,
    form.get('scope') ?? request.scope,
    form.get('resource') ?? request.resource,
  );
  return 'number' in scopes ? scopes : tokensFor(person, client, scopes, deps, request.nonce);
}

async function refresh(
  authority: string,
  client: Client,
  form: URLSearchParams,
  deps: TokenDeps,
): Promise<Tokens | EntraError> {
  const token = form.get('refresh_token');
  if (token === null) return entraErrors.missing('refresh_token');
  const grant = deps.grants.openRefreshToken(token, client.id);
  if ('number' in grant) return grant;
  const person = personAt(authority, grant.oid, grant.at, deps.people);
  if ('number' in person) return person;
  const scopes = readScopes(deps.directory, form.get('scope') ?? grant.scope, form.get('resource'));
  return 'number' in scopes ? scopes : tokensFor(person, client, scopes, deps, null);
}

/** Returns the person, if the account may still get tokens for a sign-in of this time, in milliseconds since the epoch. */
function personAt(authority: string, oid: string, signedInAt: number, people: People): Person | EntraError {
  const person = people.find(oid);
  if (!person || (isTenant(authority) && person.tenant !== authority)) return entraErrors.wrongGrant;
  return accountError(oid, signedInAt, people) ?? person;
}

async function tokensFor(
  person: Person,
  client: Client,
  scopes: AskedScopes,
  { origin, key, grants }: TokenDeps,
  nonce: string | null,
): Promise<Tokens> {
  const at = { origin, now: new Date(), tokenId: randomUUID() };
  const { granted: scope, offline } = scopes;
  const info = { uid: person.oid, utid: person.tenant };
  return {
    token_type: 'Bearer',
    access_token: await sign(key, accessTokenClaims(person, client, scopes, at)),
    expires_in: GOOD_FOR_SECONDS,
    scope,
    id_token: await sign(key, idTokenClaims(person, client, nonce, at)),
    client_info: Buffer.from(JSON.stringify(info)).toString('base64url'),
    ...(offline && {
      refresh_token: grants.issueRefreshToken({
        oid: person.oid,
        clientId: client.id,
        scope: `${scope} openid profile offline_access`,
      }),
    }),
  };
}
