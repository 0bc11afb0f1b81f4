import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiClientId, clientAppId, secondTenant } from '../../infra/local/defaults.ts';
import { createEntraSignIn, type EntraSignIn } from '../../shared/identity/credentials/entraSignIn.ts';
import { createTokenVerifier } from '../../shared/identity/tokens/verifyToken.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { choosePerson } from '../support/choosePerson.ts';
import { assertionOf, type EntraPlace, issuing, localEntra, standInEntra } from '../support/entraPlaces.ts';

const verifier = 'v'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');

describe.each([
  { name: 'the local issuer', open: localEntra },
  { name: 'a stand-in of Entra, proven by a managed identity', open: standInEntra },
])('$name', ({ open }) => {
  let place: EntraPlace;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(() => place.close());

  type Changes = Readonly<Record<string, string | undefined>>;
  const merged = (fields: Record<string, string>, changes: Changes) =>
    new URLSearchParams(
      Object.entries({ ...fields, ...changes }).filter(
        (field): field is [string, string] => field[1] !== undefined,
      ),
    );
  const asked = (changes: Changes = {}) =>
    merged(
      {
        client_id: place.signInClientId,
        response_type: 'code',
        redirect_uri: `${place.publicOrigin}/oauth/callback`,
        scope: `api://${place.apiClientId}/mcp.access openid profile offline_access`,
        state: 'the state',
        nonce: 'the nonce',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      },
      changes,
    );
  const authorizeUrl = (changes: Changes = {}, authority = 'organizations') =>
    place.reached(`${place.authority}/${authority}/oauth2/v2.0/authorize?${asked(changes).toString()}`);
  const codeFor = async (changes: Changes = {}) => {
    const { location } = await choosePerson(authorizeUrl(changes), place.person, place.reached);
    return location?.searchParams.get('code') ?? expect.unreachable('no code');
  };
  const redeem = async (changes: Changes = {}, code?: string) => {
    const fields = {
      grant_type: 'authorization_code',
      client_id: place.signInClientId,
      code: code ?? (await codeFor()),
      redirect_uri: `${place.publicOrigin}/oauth/callback`,
      code_verifier: verifier,
      ...place.proof,
    };
    const url = place.reached(`${place.authority}/organizations/oauth2/v2.0/token`);
    return fetch(url, { method: 'POST', body: merged(fields, changes) });
  };

  const signIn = (changes: Partial<EntraPlace> = {}): EntraSignIn => {
    const { authority, outbound, identity, publicOrigin, tenant, ...ids } = { ...place, ...changes };
    const verifyToken = createTokenVerifier(
      { authority, audience: ids.apiClientId, tenants: new Set([tenant]) },
      { outbound, clock: systemClock },
    );
    const config = { ...ids, signInClientSecret: ids.secret, publicOrigin, tenants: new Set([tenant]) };
    return createEntraSignIn(config, { authority, outbound, identity, verifyToken });
  };

  test('signs a person in for the gateway, and again with the refresh token', async () => {
    const { url, pending } = await signIn().begin({ state: 's' });
    const { location } = await choosePerson(place.reached(url), place.person, place.reached);
    const tokens = await signIn().redeem(location?.searchParams.get('code') ?? '', pending);
    if (!tokens.ok) throw new Error(tokens.error.message);
    expect(tokens.value.actor).toMatchObject({
      userId: place.person,
      tenantId: place.tenant,
      roles: ['User'],
    });
    expect(await signIn().refresh(place.tenant, tokens.value.refreshToken)).toMatchObject({
      value: { actor: { userId: place.person } },
    });
  });

  test('redeems a code, so that the refusals say something', async () => {
    const answer = await redeem();
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      token_type: 'Bearer',
      scope: expect.stringContaining('mcp.access') as string,
    });
  });

  test.each([
    {
      changes: { client_id: 'a0b0c0d0-1111-4111-8111-000000000009' },
      number: 700016,
      why: 'an unknown client',
    },
    {
      changes: { redirect_uri: 'https://evil.example/oauth/callback' },
      number: 50011,
      why: 'another redirect URI',
    },
    { changes: { redirect_uri: undefined }, number: 900144, why: 'no redirect URI' },
  ])('shows a page, and redirects nowhere, for $why', async ({ changes, number }) => {
    const { location, text } = await choosePerson(authorizeUrl(changes), place.person, place.reached);
    expect(location).toBeUndefined();
    expect(text).toContain(`AADSTS${number}:`);
  });

  test('shows a page for a tenant that is unknown', async () => {
    const url = authorizeUrl({}, 'a0b0c0d0-1111-4111-8111-000000000009');
    expect((await choosePerson(url, place.person, place.reached)).text).toContain('AADSTS90002:');
  });

  const graph = '00000003-0000-0000-c000-000000000000';
  test.each([
    { changes: { scope: undefined }, error: 'invalid_request', number: 900144, why: 'no scope' },
    {
      changes: { scope: 'mcp.access' },
      error: 'invalid_client',
      number: 650053,
      why: 'a scope without its resource',
      text: graph,
    },
    {
      changes: { scope: 'https://mcp.contoso.com/servers/crm/mcp/mcp.access' },
      error: 'invalid_resource',
      number: 500011,
      why: 'a scope of an unknown resource',
    },
    {
      changes: { resource: 'https://mcp.contoso.com/servers/crm/mcp' },
      error: 'invalid_target',
      number: 9010010,
      why: 'a resource that is no identifier URI',
    },
    {
      changes: { resource: 'https://mcp.contoso.com/mcp', scope: 'openid' },
      error: 'invalid_target',
      number: 9010010,
      why: 'a resource of other scopes',
    },
    {
      changes: { scope: 'openid', resource: `api://${apiClientId}` },
      error: 'invalid_target',
      number: 9010010,
      why: 'an identifier URI with scopes of Microsoft Graph',
    },
    {
      changes: { scope: `api://${apiClientId}/mcp.access https://other.example/read` },
      error: 'invalid_scope',
      number: 28000,
      why: 'scopes of two resources',
    },
    {
      changes: { code_challenge_method: 'plain' },
      error: 'invalid_request',
      number: 900144,
      why: 'a PKCE challenge that is the verifier',
    },
    {
      changes: { response_type: 'token' },
      error: 'unsupported_response_type',
      number: 700054,
      why: 'the implicit flow',
    },
    { changes: { prompt: 'none' }, error: 'login_required', number: 50058, why: 'a sign-in without a page' },
  ])('sends $error to the client for $why', async ({ changes, error, number, text = '' }) => {
    const { location } = await choosePerson(authorizeUrl(changes), place.person, place.reached);
    expect(location?.origin).toBe(place.publicOrigin);
    expect(location?.searchParams.get('error')).toBe(error);
    expect(location?.searchParams.get('error_description')).toContain(`AADSTS${number}:`);
    expect(location?.searchParams.get('error_description')).toContain(text);
    expect(location?.searchParams.get('state')).toBe('the state');
    expect(location?.searchParams.has('code')).toBe(false);
  });

  test('sends access_denied where the person cancels', async () => {
    const { location } = await choosePerson(authorizeUrl(), 'nobody', place.reached);
    expect(location?.searchParams.get('error')).toBe('access_denied');
  });

  const none = { client_secret: undefined, client_assertion: undefined };
  test.each([
    { changes: none, number: 7000218, status: 401, why: 'no secret and no assertion' },
    { changes: { code_verifier: 'w'.repeat(43) }, number: 501481, status: 400, why: 'another PKCE verifier' },
    { changes: { code_verifier: undefined }, number: 501481, status: 400, why: 'no PKCE verifier' },
    {
      changes: { redirect_uri: 'https://evil.example/' },
      number: 50011,
      status: 400,
      why: 'another redirect URI',
    },
    {
      changes: { client_id: 'a0b0c0d0-1111-4111-8111-000000000009' },
      number: 700016,
      status: 400,
      why: 'an unknown client',
    },
    { changes: { code: 'made-up' }, number: 70000, status: 400, why: 'a made-up code' },
    {
      changes: { resource: 'https://mcp.contoso.com/other' },
      number: 9010010,
      status: 400,
      why: 'a resource that is no identifier URI',
    },
    { changes: { grant_type: 'password' }, number: 70003, status: 400, why: 'another grant' },
    { changes: { grant_type: undefined }, number: 900144, status: 400, why: 'no grant type' },
  ])('gives no tokens for $why', async ({ changes, number, status }) => {
    const answer = await redeem(changes);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error_codes: [number] });
  });

  test('gives tokens for a code once', async () => {
    const code = await codeFor();
    expect((await redeem({}, code)).status).toBe(200);
    expect(await (await redeem({}, code)).json()).toMatchObject({
      error: 'invalid_grant',
      error_codes: [54005],
    });
  });
});

describe('the proof of a registration', () => {
  test('is a secret locally, and a wrong one is refused', async () => {
    const place = await localEntra();
    const refused = await fetch(`${place.authority}/organizations/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: place.signInClientId,
        grant_type: 'refresh_token',
        client_secret: 'guessed',
      }),
    });
    expect(await refused.json()).toMatchObject({ error: 'invalid_client', error_codes: [7000215] });
    await place.close();
  });

  test('is in Azure the assertion of an identity that is federated, and no other', async () => {
    const place = await standInEntra();
    const stranger = issuing(() => Promise.resolve(assertionOf('a1b2c3d4-2222-4222-8222-00000000000f')));
    const verifyToken = () => Promise.reject(new Error('there is no token to verify'));
    const config = { ...place, signInClientSecret: undefined, tenants: new Set([place.tenant]) };
    const signIn = createEntraSignIn(config, { ...place, identity: stranger, verifyToken });
    expect(await signIn.refresh(place.tenant, 'any')).toMatchObject({
      ok: false,
      error: { kind: 'unavailable', message: expect.stringContaining('AADSTS700213') as string },
    });
    await place.close();
  });
});

describe('a public client of the local issuer', () => {
  let place: EntraPlace;
  beforeAll(async () => {
    place = await localEntra();
  });
  afterAll(() => place.close());

  const redirectUri = 'http://127.0.0.1:49152/callback';
  const signedIn = async (resource: string, redirect = redirectUri) => {
    const query = new URLSearchParams({
      client_id: clientAppId,
      response_type: 'code',
      redirect_uri: redirect,
      resource,
      scope: `${resource}/mcp.access offline_access`,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
    const url = `${place.authority}/${place.tenant}/oauth2/v2.0/authorize?${query.toString()}`;
    return choosePerson(url, place.person);
  };
  const redeem = async (code: string, more: Record<string, string> = {}) =>
    fetch(`${place.authority}/${place.tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientAppId,
        grant_type: 'authorization_code',
        redirect_uri: redirectUri,
        code,
        code_verifier: verifier,
        ...more,
      }),
    });

  test('gets a token for the aggregate endpoint, as at Entra itself, with PKCE and no secret', async () => {
    const { location } = await signedIn(`${place.publicOrigin}/mcp`);
    const code = location?.searchParams.get('code') ?? '';
    expect(await (await redeem(code, { client_secret: 'any' })).json()).toMatchObject({
      error_codes: [700025],
    });
    const answer = (await (await redeem(code)).json()) as { access_token: string };
    const verifyToken = createTokenVerifier(
      { authority: place.authority, audience: place.apiClientId, tenants: new Set([place.tenant]) },
      { outbound: place.outbound, clock: systemClock },
    );
    expect(await verifyToken(`Bearer ${answer.access_token}`, `${place.publicOrigin}/mcp`)).toMatchObject({
      actor: { userId: place.person, clientId: clientAppId, roles: ['User'] },
    });
  });

  test.each(['https://127.0.0.1/callback', 'http://127.0.0.1.evil.example/', 'com.evil:/callback'])(
    'is sent to loopback addresses only, not to %s',
    async (redirect) => {
      const { location, text } = await signedIn(`${place.publicOrigin}/mcp`, redirect);
      expect(location).toBeUndefined();
      expect(text).toContain('AADSTS50011:');
    },
  );

  test('gets no token for the endpoint of a server, which has no identifier URI', async () => {
    const { location } = await signedIn(`${place.publicOrigin}/servers/stock/mcp`);
    expect(location?.searchParams.get('error')).toBe('invalid_resource');
  });

  test('shows only people of the tenant that it names', async () => {
    const page = async (tenant: string) =>
      (
        await fetch(
          `${place.authority}/${tenant}/oauth2/v2.0/authorize?${new URLSearchParams({
            client_id: clientAppId,
            response_type: 'code',
            redirect_uri: redirectUri,
            scope: `api://${place.apiClientId}/mcp.access`,
          }).toString()}`,
        )
      ).text();
    expect(await page(secondTenant)).not.toContain('contoso.example');
    expect(await page(secondTenant)).toContain('fabrikam.example');
    for (const name of ['contoso.example', 'fabrikam.example']) expect(await page('common')).toContain(name);
  });
});
