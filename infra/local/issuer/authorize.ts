import type { Client, Directory, People, Person } from './directory.ts';
import { describe, type EntraError, entraErrors } from './entraErrors.ts';
import type { Grants, SignInRequest } from './grants.ts';
import { choicePage, messagePage, NOBODY, PERSON } from './pages.ts';
import { redirect, type Reply } from './reply.ts';
import { readScopes } from './scopes.ts';

export interface AuthorizeDeps {
  readonly origin: string;
  readonly directory: Directory;
  readonly people: People;
  readonly grants: Grants;
}

/** Returns the people who can sign in at an authority: a tenant, or `organizations` or `common`. */
const peopleAt = (people: People, authority: string): readonly Person[] =>
  people.all().filter(({ tenant }) => tenant === authority || !isTenant(authority));
export const isTenant = (authority: string): boolean =>
  authority !== 'organizations' && authority !== 'common';

/** Answers an authorization request (RFC 6749, section 4.1.1): with the page, a redirect with an error, or a page with an error. */
export function authorize(authority: string, query: URLSearchParams, deps: AuthorizeDeps): Reply {
  const { directory, people, grants, origin } = deps;
  const present = peopleAt(people, authority);
  if (present.length === 0) return refusalPage(entraErrors.unknownTenant);
  const client = clientIn(directory, query.get('client_id'));
  if ('number' in client) return refusalPage(client);
  const redirectUri = query.get('redirect_uri');
  if (redirectUri === null) return refusalPage(entraErrors.missing('redirect_uri'));
  if (!isRegistered(client, redirectUri)) return refusalPage(entraErrors.wrongRedirect(redirectUri));

  const request: SignInRequest = {
    authority,
    clientId: client.id,
    redirectUri,
    scope: query.get('scope') ?? '',
    resource: query.get('resource'),
    state: query.get('state'),
    nonce: query.get('nonce'),
    challenge: query.get('code_challenge'),
  };
  const wrong = wrongIn(query, directory);
  if (wrong) return refusalRedirect(request, wrong);
  return choicePage({
    action: `${origin}/${authority}/login`,
    request: grants.keepRequest(request),
    client: client.name,
    tenants: Object.entries(directory.tenants)
      .map(([id, name]) => ({ name, people: present.filter(({ tenant }) => tenant === id) }))
      .filter((tenant) => tenant.people.length > 0),
  });
}

function wrongIn(query: URLSearchParams, directory: Directory): EntraError | undefined {
  if (query.get('response_type') !== 'code') return entraErrors.responseType;
  if (query.has('code_challenge') && query.get('code_challenge_method') !== 'S256')
    return entraErrors.missing('code_challenge_method');
  const scopes = readScopes(directory, query.get('scope'), query.get('resource'));
  if ('number' in scopes) return scopes;
  return query.get('prompt') === 'none' ? entraErrors.notSignedIn : undefined;
}

/** Answers the form of the page: the person goes back to the client with a code. */
export function choose(authority: string, form: URLSearchParams, { people, grants }: AuthorizeDeps): Reply {
  const request = grants.openRequest(form.get('request') ?? '');
  if (request?.authority !== authority)
    return messagePage('Sign-in failed', 'This page is of no sign-in. Begin again at the client.', 400);
  const chosen = form.get(PERSON);
  if (chosen === NOBODY) return refusalRedirect(request, entraErrors.declined);
  const person = peopleAt(people, authority).find(({ oid }) => oid === chosen);
  if (!person) return messagePage('Sign-in failed', 'There is no such person.', 400);
  if (people.isDisabled(person.oid)) return refusalPage(entraErrors.disabled);
  const { redirectUri, state } = request;
  return redirect(redirectUri, { code: grants.issueCode(person.oid, request), state });
}

/** Answers a sign-out: this issuer has no session to end. */
export function logout(query: URLSearchParams, { clients }: Directory): Reply {
  const back = query.get('post_logout_redirect_uri');
  return back !== null && clients.some((client) => isRegistered(client, back))
    ? redirect(back, { state: query.get('state') })
    : messagePage('You are signed out', 'You can close this page.');
}

/** Returns the client of a request. */
export function clientIn({ clients }: Directory, id: string | null): Client | EntraError {
  if (id === null) return entraErrors.missing('client_id');
  return clients.find((client) => client.id === id) ?? entraErrors.unknownClient(id);
}

function isRegistered({ redirectUris }: Client, uri: string): boolean {
  if (redirectUris !== 'loopback') return redirectUris.includes(uri);
  const { protocol, hostname } = URL.parse(uri) ?? {};
  return protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname ?? '');
}

const refusalPage = (error: EntraError): Reply => messagePage('Sign-in failed', describe(error), 400);
const refusalRedirect = ({ redirectUri, state }: SignInRequest, error: EntraError): Reply =>
  redirect(redirectUri, { error: error.code, error_description: describe(error), state });
