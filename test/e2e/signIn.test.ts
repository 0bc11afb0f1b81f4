import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { choosePerson, personNamed } from '../support/choosePerson.ts';
import { type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { managementApi } from '../support/managementApi.ts';
import { post } from '../support/rawClient.ts';
import {
  askForTokens,
  authorizationUrl,
  createBrowser,
  decide,
  type SignInBrowser,
  signInTo,
} from '../support/signInBrowser.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const app = { clientId: 'an-app', redirectUri: 'http://127.0.0.1:4567/callback' };
const site = { clientId: 'a-site', redirectUri: 'https://client.example/callback' };
const clients = {
  'an-app': { name: 'An app', redirectUris: ['http://127.0.0.1/callback'] },
  'a-site': { name: 'A site', redirectUris: [site.redirectUri] },
};

/** A server that Entra's tokens of its own users open, and no others. Its tool is named after the user. */
let mail: HandmadeUpstream;
const ofUser =
  (result: (user: string) => object): Parameters<typeof handmadeUpstream>[0] =>
  (response, { headers, message: { id } }) => {
    const [, token] = (headers.authorization ?? '').split(' ');
    const claims = token === undefined ? {} : decodeJwt(token);
    if (claims.aud !== 'api://mail') json(response, {}, 401);
    else json(response, { jsonrpc: '2.0', id, result: result(String(claims['oid']).slice(0, 8)) });
  };

let topology: TestTopology;
let gateway: string;
let resource: string;
beforeAll(async () => {
  mail = await handmadeUpstream(
    ofUser(() => ({ content: [] })),
    {
      'tools/list': ofUser((user) => ({
        tools: [{ name: `read_${user}`, inputSchema: { type: 'object' } }],
      })),
    },
  );
  const credentials = { mail: { onBehalfOf: 'api://mail/.default', origins: [new URL(mail.url).origin] } };
  topology = await startTestTopology({
    demo: true,
    settings: { MREG_CLIENTS: JSON.stringify(clients), MREG_CREDENTIALS: JSON.stringify(credentials) },
  });
  gateway = topology.urls.mcp;
  resource = `${gateway}/mcp`;
});
afterAll(async () => {
  await topology.stop();
  await mail.close();
});

/** Signs in as a client does, and returns its tokens. */
async function tokensOf(
  client: { readonly clientId: string; readonly redirectUri: string } = app,
  options: { readonly resource?: string; readonly browser?: SignInBrowser; readonly person?: string } = {},
) {
  const asked = authorizationUrl(gateway, { ...client, resource: options.resource ?? resource });
  const back = await signInTo(options.browser ?? createBrowser(), gateway, asked, options.person);
  const code = back.searchParams.get('code') ?? '';
  const use = {
    grant_type: 'authorization_code',
    code,
    code_verifier: asked.verifier,
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
  };
  return { back, use, reply: await askForTokens(gateway, use) };
}

const refresh = (token: string | undefined, clientId = app.clientId) =>
  askForTokens(gateway, { grant_type: 'refresh_token', refresh_token: token ?? '', client_id: clientId });

async function listTools(token: string | undefined, url = resource): Promise<number> {
  const answer = await post(url, 'modern', 'tools/list', {}, { authorization: `Bearer ${token ?? ''}` });
  await answer.all();
  return answer.status;
}

/** The refusals that the audit trail has of an action. */
async function refusalsOf(action: string): Promise<readonly unknown[]> {
  const audit = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  const { body } = await audit.get(`/audit?action=${action}&decision=refused&limit=50`);
  return (body['items'] as { decision: string; reason?: string }[])
    .filter(({ decision }) => decision === 'refused')
    .map(({ reason }) => reason);
}
const expectRefusal = (action: string, reason: string) =>
  expect.poll(() => refusalsOf(action), { timeout: 5_000 }).toContain(reason);

describe('a person signs in', () => {
  test('and the client calls, in the name of the person, for the endpoint that it asked for', async () => {
    const { back, reply } = await tokensOf();
    expect(back.origin + back.pathname).toBe('http://127.0.0.1:4567/callback');
    expect(back.searchParams.get('state')).toBe('the-state');
    expect(back.searchParams.get('iss')).toBe(gateway);
    expect(reply).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: 600, scope: 'mcp.access offline_access' },
    });
    const person = personNamed('user@contoso.example');
    expect(decodeJwt(reply.body.access_token ?? '')).toMatchObject({
      iss: gateway,
      aud: resource,
      tid: person.tenant,
      oid: person.oid,
      client_id: 'an-app',
      roles: ['Gateway.User'],
    });
    expect(await listTools(reply.body.access_token)).toBe(200);
    expect(await listTools(reply.body.access_token, `${gateway}/servers/demo-legacy/mcp`)).toBe(401);
  });

  test('for the management API, with the roles of the person', async () => {
    const { management } = topology.urls;
    const { reply } = await tokensOf(app, { resource: management, person: 'admin@contoso.example' });
    const api = managementApi(management, reply.body.access_token);
    expect((await api.get('/servers')).status).toBe(200);
    expect(await listTools(reply.body.access_token)).toBe(401);
  });

  test('again after a restart of both apps, without a page: the refresh token still works', async () => {
    const { reply } = await tokensOf();
    await Promise.all([topology.kill('mcp'), topology.kill('management')]);
    await Promise.all([topology.restart('mcp'), topology.restart('management')]);
    const again = await refresh(reply.body.refresh_token);
    expect(again.status).toBe(200);
    expect(await listTools(again.body.access_token)).toBe(200);
  });
});

test('a server behind gets a token of Entra for the same person, also from work of an agent', async () => {
  const { management } = topology.urls;
  const admin = await tokensOf(app, { resource: management, person: 'admin@contoso.example' });
  const upstream = { headers: { authorization: { credential: 'mail' } } };
  const registered = await managementApi(management, admin.reply.body.access_token).post('/servers?wait=20', {
    slug: 'mail',
    url: mail.url,
    upstream,
  });
  expect(registered.body).toMatchObject({ slug: 'mail', status: 'active' });
  const url = `${gateway}/servers/mail/mcp`;
  const { reply } = await tokensOf(app, { resource: url });
  const authorization = `Bearer ${reply.body.access_token ?? ''}`;
  const [answer] = await (await post(url, 'modern', 'tools/list', {}, { authorization })).all();
  const { oid } = personNamed('user@contoso.example');
  expect(answer?.result?.tools).toMatchObject([{ name: `read_${oid.slice(0, 8)}` }]);
});

test('a site that had the consent of the person gets none asked again; another person is asked', async () => {
  const browser = createBrowser();
  const { reply } = await tokensOf(site, { browser });
  expect(reply.status).toBe(200);
  const asked = authorizationUrl(gateway, { ...site, resource });
  const entra = await browser.open(asked.url);
  expect(entra.location?.pathname).toMatch(/\/oauth2\/v2\.0\/authorize$/);
  const other = await signInTo(browser, gateway, asked, 'admin@contoso.example');
  expect(other.pathname).toBe('/oauth/authorize');
  expect((await browser.open(other)).text).toContain('Let A site use the gateway?');
  await expectRefusal('sign_in.consent', 'consent_of_another_person');
});

describe('is refused, and in the audit trail:', () => {
  test('a refresh token that was used before, and then the whole family', async () => {
    const { reply } = await tokensOf();
    const second = await refresh(reply.body.refresh_token);
    const third = await refresh(second.body.refresh_token);
    expect(third.status).toBe(200);
    expect(await refresh(reply.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await refresh(third.body.refresh_token)).toMatchObject({ status: 400 });
    await expectRefusal('sign_in.token', 'refresh_token_reused');
  });

  test('a refresh token of another client', async () => {
    const { reply } = await tokensOf();
    expect(await refresh(reply.body.refresh_token, site.clientId)).toMatchObject({
      body: { error: 'invalid_grant' },
    });
    await expectRefusal('sign_in.token', 'refresh_token_of_another_client');
  });

  test('a code that was used before, and then its tokens', async () => {
    const { use, reply } = await tokensOf();
    expect(await askForTokens(gateway, use)).toMatchObject({ body: { error: 'invalid_grant' } });
    expect(await refresh(reply.body.refresh_token)).toMatchObject({ status: 400 });
    await expectRefusal('sign_in.token', 'code_replayed');
  });

  test.each([
    ['with another verifier', { code_verifier: 'v'.repeat(43) }, 'code_verifier_wrong'],
    ['from another client', { client_id: 'a-site' }, 'code_of_another_client'],
    ['for another redirect URI', { redirect_uri: 'http://127.0.0.1:9/callback' }, 'code_of_another_client'],
  ])('a code %s', async (_, change, reason) => {
    const asked = authorizationUrl(gateway, { ...app, resource });
    const back = await signInTo(createBrowser(), gateway, asked);
    const use = {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      code_verifier: asked.verifier,
      client_id: app.clientId,
      redirect_uri: app.redirectUri,
    };
    expect(await askForTokens(gateway, { ...use, ...change })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    // The code was in other hands, so its owner gets nothing with it either.
    expect(await askForTokens(gateway, use)).toMatchObject({ status: 400 });
    await expectRefusal('sign_in.token', reason);
  });

  test.each([
    ['of another host', { redirect_uri: 'https://evil.example/callback' }, 'redirect_uri_refused'],
    ['with more path', { redirect_uri: 'http://127.0.0.1:4567/callback/x' }, 'redirect_uri_refused'],
    ['of an unknown client', { client_id: 'nobody' }, 'client_refused'],
  ])('a redirect URI %s: it gets a page, and no redirect', async (_, change, reason) => {
    const page = await createBrowser().open(authorizationUrl(gateway, { ...app, resource }, change).url);
    expect(page).toMatchObject({ status: 400, location: undefined });
    await expectRefusal('sign_in.authorize', reason);
  });

  test.each([
    ['without PKCE', { code_challenge: undefined }, 'invalid_request'],
    ['with a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['for tokens in the URL', { response_type: 'token' }, 'unsupported_response_type'],
    ['for an endpoint of another host', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
  ])('a request %s: the client learns it, and from whom', async (_, change, error) => {
    const { location } = await createBrowser().open(
      authorizationUrl(gateway, { ...app, resource }, change).url,
    );
    expect(location?.origin).toBe('http://127.0.0.1:4567');
    expect(Object.fromEntries(location?.searchParams ?? [])).toMatchObject({
      error,
      state: 'the-state',
      iss: gateway,
    });
    await expectRefusal(
      'sign_in.authorize',
      error === 'invalid_target' ? 'resource_unknown' : 'request_malformed',
    );
  });

  test('a consent that a page of another site sends', async () => {
    const browser = createBrowser();
    const page = await browser.open(authorizationUrl(gateway, { ...app, resource }).url);
    for (const origin of ['https://evil.example', 'null', undefined])
      expect(await decide(browser, gateway, page, 'allow', origin ?? '')).toMatchObject({
        status: 403,
        location: undefined,
      });
    await expectRefusal('sign_in.consent', 'page_of_another_origin');
  });

  test('a consent that another browser sends', async () => {
    const page = await createBrowser().open(authorizationUrl(gateway, { ...app, resource }).url);
    expect(await decide(createBrowser(), gateway, page)).toMatchObject({ status: 403, location: undefined });
    await expectRefusal('sign_in.consent', 'page_of_another_browser');
  });

  test('a consent that the person denies', async () => {
    const browser = createBrowser();
    const page = await browser.open(authorizationUrl(gateway, { ...app, resource }).url);
    const { location } = await decide(browser, gateway, page, 'deny');
    expect(location?.searchParams.get('error')).toBe('access_denied');
    expect(location?.searchParams.get('iss')).toBe(gateway);
    await expectRefusal('sign_in.consent', 'consent_denied');
  });

  test('an answer of Entra in another browser than the one that agreed, or for the second time', async () => {
    const attacker = createBrowser();
    const page = await attacker.open(authorizationUrl(gateway, { ...app, resource }).url);
    const { location: entra } = await decide(attacker, gateway, page);
    const { location: callback } = await choosePerson(
      entra?.href ?? '',
      personNamed('user@contoso.example').oid,
    );
    const victim = createBrowser();
    expect(await victim.open(callback ?? '')).toMatchObject({ status: 400, location: undefined });
    await expectRefusal('sign_in.authorize', 'browser_changed');
    expect(await attacker.open(callback ?? '')).toMatchObject({ status: 400, location: undefined });
    await expectRefusal('sign_in.authorize', 'state_unknown');
  });
});

test('a person sees the own consents, and signs a client out by withdrawing one', async () => {
  const { management } = topology.urls;
  const { reply } = await tokensOf(app, { resource: management, person: 'auditor@contoso.example' });
  const own = managementApi(management, reply.body.access_token);
  const items = (await own.get('/consents')).body['items'] as { id: string }[];
  expect(items).toMatchObject([{ clientId: 'an-app', clientName: 'An app', resource: management }]);
  const other = managementApi(management, await topology.mint({ role: 'User', user: randomUUID() }));
  expect((await other.delete(`/consents/${items[0]?.id ?? ''}`)).status).toBe(404);
  expect((await own.delete(`/consents/${items[0]?.id ?? ''}`)).status).toBe(204);
  expect((await own.get('/consents')).body['items']).toEqual([]);
  expect(await refresh(reply.body.refresh_token)).toMatchObject({ body: { error: 'invalid_grant' } });
});

test('each act of a sign-in is in the audit trail of the person', async () => {
  await tokensOf(app, { person: 'operator@contoso.example' });
  const actor = personNamed('operator@contoso.example').oid;
  const audit = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  const acts = async () => {
    const { body } = await audit.get(`/audit?actor=${actor}`);
    return (body['items'] as { action: string }[]).map(({ action }) => action);
  };
  await expect
    .poll(acts, { timeout: 5_000 })
    .toEqual(expect.arrayContaining(['sign_in.consent', 'sign_in.authorize', 'sign_in.token']));
  expect(personNamed('operator@contoso.example').tenant).toBe(defaultTenant);
});
