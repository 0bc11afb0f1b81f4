import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  apiClientId,
  defaultTenant,
  localClientSecret,
  localOrigin,
  portsFor,
  secondTenant,
  signInClientId,
} from '../../infra/local/defaults.ts';
import { type Issuer, startIssuer } from '../../infra/local/issuer/issuer.ts';
import { createEntraSignIn, type EntraSignIn } from '../../shared/identity/credentials/entraSignIn.ts';
import { createTokenVerifier, type TokenVerifier } from '../../shared/identity/tokens/verifyToken.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import type { AppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { choosePerson, personNamed } from '../support/choosePerson.ts';
import { json } from '../support/handmadeUpstream.ts';
import { serve } from '../support/serve.ts';

const outbound = openOutboundClient('private_allowed');
const identity: AppIdentity = {
  getToken: () => Promise.reject(new Error('the secret proves the registration')),
  renewToken: () => Promise.reject(new Error('nothing is renewed')),
};
const publicOrigin = localOrigin(portsFor(0).mcp);
let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer({ port: 0 });
});
afterAll(async () => {
  await issuer.stop();
  await outbound.close();
});

interface Place {
  readonly authority?: string;
  readonly secret?: string;
  readonly tenants?: readonly string[];
  readonly verifyToken?: TokenVerifier;
}
function signInAt({
  authority = issuer.origin,
  secret = localClientSecret,
  tenants = [defaultTenant, secondTenant],
  verifyToken,
}: Place = {}): EntraSignIn {
  const allowed = new Set(tenants);
  const verifier = createTokenVerifier(
    { authority: issuer.origin, audience: apiClientId, tenants: allowed },
    { outbound, clock: systemClock },
  );
  return createEntraSignIn(
    { apiClientId, signInClientId, signInClientSecret: secret, publicOrigin, tenants: allowed },
    { authority, outbound, identity, verifyToken: verifyToken ?? verifier },
  );
}

/** Begins a sign-in and chooses the person. */
async function codeOf(username: string, signIn = signInAt(), tenant?: string) {
  const { url, pending } = await signIn.begin({
    state: 'the state',
    ...(tenant !== undefined && { tenant }),
  });
  const { location } = await choosePerson(url, personNamed(username).oid);
  const code = location?.searchParams.get('code');
  return { code: code ?? expect.unreachable(url), pending, location };
}

async function signedIn(username: string) {
  const { code, pending } = await codeOf(username);
  const redeemed = await signInAt().redeem(code, pending);
  return redeemed.ok ? redeemed.value : expect.unreachable(redeemed.error.message);
}

const administer = (username: string, act: string, body: object = {}) =>
  fetch(`${issuer.origin}/people/${personNamed(username).oid}/${act}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

const failure = (kind: string) => ({ ok: false, error: { kind } });

describe('a person signs in', () => {
  test('and is who the access token names, of the tenant of the person', async () => {
    const { actor, refreshToken } = await signedIn('user@fabrikam.example');
    const { oid, tenant } = personNamed('user@fabrikam.example');
    expect(actor).toMatchObject({
      userId: oid,
      tenantId: tenant,
      name: 'Ursula User',
      kind: 'user',
      roles: ['User'],
      clientId: signInClientId,
    });
    expect(refreshToken).not.toBe('');
  });

  test('with the state of the request, at the one redirect URI', async () => {
    const { location } = await codeOf('user@contoso.example');
    expect(location?.origin).toBe(publicOrigin);
    expect(location?.pathname).toBe('/oauth/callback');
    expect(location?.searchParams.get('state')).toBe('the state');
  });

  test('and gets new tokens with the new refresh token', async () => {
    const { actor, refreshToken, accessToken } = await signedIn('operator@contoso.example');
    const first = await signInAt().refresh(actor.tenantId, refreshToken);
    if (!first.ok) throw new Error(first.error.message);
    expect(first.value.actor).toMatchObject({ userId: actor.userId, roles: ['Operator'] });
    expect(first.value.accessToken).not.toBe(accessToken);
    expect(first.value.refreshToken).not.toBe(refreshToken);
    expect(await signInAt().refresh(actor.tenantId, first.value.refreshToken)).toMatchObject({ ok: true });
  });
});

describe('the request for a sign-in', () => {
  const asked = async (ask: Partial<Parameters<EntraSignIn['begin']>[0]> = {}, place: Place = {}) =>
    new URL((await signInAt(place).begin({ state: 's', ...ask })).url);

  test('has the full scope of the gateway, a PKCE challenge and a nonce, and neither resource nor prompt', async () => {
    const { searchParams } = await asked();
    expect(searchParams.get('scope')?.split(' ')).toEqual(
      expect.arrayContaining([`api://${apiClientId}/mcp.access`, 'openid', 'profile', 'offline_access']),
    );
    expect(searchParams.get('code_challenge_method')).toBe('S256');
    expect(searchParams.get('nonce')).toMatch(/^[\w-]{43}$/);
    for (const name of ['resource', 'prompt']) expect(searchParams.has(name)).toBe(false);
  });

  test.each([
    { ask: {}, tenants: [defaultTenant, secondTenant], authority: 'organizations', why: 'for every tenant' },
    { ask: {}, tenants: [secondTenant], authority: secondTenant, why: 'for the only tenant' },
    {
      ask: { tenant: secondTenant },
      tenants: [defaultTenant, secondTenant],
      authority: secondTenant,
      why: 'for the tenant that the client named',
    },
  ])('goes to an authority $why', async ({ ask, tenants, authority }) => {
    const { pathname } = await asked(ask, { tenants });
    expect(pathname).toBe(`/${authority}/oauth2/v2.0/authorize`);
  });

  test('is another one each time', async () => {
    const [one, two] = [await asked(), await asked()];
    for (const name of ['nonce', 'code_challenge'])
      expect(one.searchParams.get(name)).not.toBe(two.searchParams.get(name));
  });
});

describe('nobody is signed in', () => {
  afterEach(async () => {
    await administer('auditor@contoso.example', 'enable');
    await administer('auditor@contoso.example', 'roles', { roles: ['Auditor'] });
  });

  test('with a code that was used', async () => {
    const { code, pending } = await codeOf('user@contoso.example');
    expect(await signInAt().redeem(code, pending)).toMatchObject({ ok: true });
    expect(await signInAt().redeem(code, pending)).toMatchObject(failure('unauthenticated'));
  });

  test.each([
    { change: { codeVerifier: 'v'.repeat(43) }, why: 'whose PKCE verifier is of another sign-in' },
    { change: { nonce: 'n'.repeat(43) }, why: 'whose nonce is of another sign-in' },
    {
      change: { tenant: secondTenant },
      why: 'of a person of another tenant than the one that was asked for',
    },
  ])('with a code $why', async ({ change }) => {
    const { code, pending } = await codeOf('user@contoso.example');
    expect(await signInAt().redeem(code, { ...pending, ...change })).toMatchObject(
      failure('unauthenticated'),
    );
  });

  test('with a made-up code or refresh token', async () => {
    const { pending } = await codeOf('user@contoso.example');
    expect(await signInAt().redeem('made-up', pending)).toMatchObject(failure('unauthenticated'));
    expect(await signInAt().refresh(defaultTenant, 'made-up')).toMatchObject(failure('unauthenticated'));
  });

  test('whose account was disabled after the sign-in, or whose sign-in was revoked', async () => {
    const { refreshToken } = await signedIn('auditor@contoso.example');
    await administer('auditor@contoso.example', 'disable');
    expect(await signInAt().refresh(defaultTenant, refreshToken)).toMatchObject(failure('unauthenticated'));
    await administer('auditor@contoso.example', 'enable');
    expect(await signInAt().refresh(defaultTenant, refreshToken)).toMatchObject({ ok: true });
    await administer('auditor@contoso.example', 'revoke');
    expect(await signInAt().refresh(defaultTenant, refreshToken)).toMatchObject(failure('unauthenticated'));
  });

  test('without a role: it is read anew with each refresh', async () => {
    const { refreshToken } = await signedIn('auditor@contoso.example');
    await administer('auditor@contoso.example', 'roles', { roles: ['User'] });
    expect(await signInAt().refresh(defaultTenant, refreshToken)).toMatchObject({
      value: { actor: { roles: ['User'] } },
    });
    await administer('auditor@contoso.example', 'roles', { roles: [] });
    const refused = await signInAt().refresh(defaultTenant, refreshToken);
    expect(refused).toMatchObject(failure('forbidden'));
  });

  test('whose access token is of another tenant than the one that was asked for', async () => {
    const { refreshToken, actor } = await signedIn('user@contoso.example');
    const verifyToken = () => Promise.resolve({ actor: { ...actor, tenantId: secondTenant } });
    const refused = await signInAt({ verifyToken }).refresh(defaultTenant, refreshToken);
    expect(refused).toMatchObject(failure('unauthenticated'));
  });

  test('of a tenant that may not sign in here', async () => {
    const { code, pending } = await codeOf('user@fabrikam.example');
    const signIn = signInAt({ tenants: [defaultTenant] });
    expect(await signIn.redeem(code, pending)).toMatchObject(failure('forbidden'));
  });
});

describe('a fault of the gateway or of Entra is no verdict on the person', () => {
  const refreshedAt = async (authority: string) => signInAt({ authority }).refresh(defaultTenant, 'a.b');

  test('with a wrong secret', async () => {
    const { refreshToken } = await signedIn('user@contoso.example');
    const refused = await signInAt({ secret: 'guessed' }).refresh(defaultTenant, refreshToken);
    expect(refused).toMatchObject(failure('unavailable'));
    expect(refused).toMatchObject({ error: { message: expect.stringContaining('AADSTS7000215') as string } });
  });

  test.each([
    { status: 400, body: { error: 'invalid_grant', error_description: 'canary' }, kind: 'unauthenticated' },
    {
      status: 400,
      body: { error: 'interaction_required', error_description: 'canary' },
      kind: 'unauthenticated',
    },
    { status: 401, body: { error: 'invalid_client', error_description: 'canary' }, kind: 'unavailable' },
    {
      status: 503,
      body: { error: 'temporarily_unavailable', error_description: 'canary' },
      kind: 'unavailable',
    },
    { status: 500, body: 'canary, as a page', kind: 'unavailable' },
    { status: 200, body: { token_type: 'Bearer', canary: true }, kind: 'unavailable' },
    { status: 200, body: 'x'.repeat(70_000), kind: 'unavailable' },
  ])('$status $body gives $kind, and its words go nowhere', async ({ status, body, kind }) => {
    const service = await serve((_request, response) => {
      json(response, body, status);
    });
    const refused = await refreshedAt(new URL(service.url).origin);
    expect(refused).toMatchObject(failure(kind));
    expect(JSON.stringify(refused)).not.toContain('canary');
    await service.close();
  });

  test.each(['wrong_claims', 'bad_signature', 'not_yet_valid'] as const)(
    'with a token that the rule %s rejects',
    async (refusal) => {
      const { refreshToken } = await signedIn('user@contoso.example');
      const verifyToken = () => Promise.resolve({ refusal });
      const failed = await signInAt({ verifyToken }).refresh(defaultTenant, refreshToken);
      expect(failed).toMatchObject({
        error: { kind: 'unavailable', message: expect.stringContaining(refusal) as string },
      });
    },
  );

  test('an error that passes says to try again', async () => {
    const service = await serve((_request, response) => {
      json(response, { error: 'temporarily_unavailable' }, 503);
    });
    expect(await refreshedAt(new URL(service.url).origin)).toMatchObject({
      error: { message: expect.stringContaining('try again') as string },
    });
    await service.close();
  });

  test('an answer without a new refresh token leaves the one that there is', async () => {
    const { actor } = await signedIn('user@contoso.example');
    const service = await serve((_request, response) => {
      json(response, { token_type: 'Bearer', access_token: 'a.b.c', expires_in: 3_600, scope: 'mcp.access' });
    });
    const signIn = signInAt({
      authority: new URL(service.url).origin,
      verifyToken: () => Promise.resolve({ actor }),
    });
    expect(await signIn.refresh(defaultTenant, 'the one')).toMatchObject({
      value: { refreshToken: 'the one' },
    });
    await service.close();
  });

  test('where nothing answers', async () => {
    expect(await refreshedAt('http://127.0.0.1:9')).toMatchObject(failure('unavailable'));
  });
});
