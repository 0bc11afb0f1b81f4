import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AuthorizationServerStandIn,
  startAuthorizationServer,
} from '../support/accounts/authorizationServer.ts';
import { connectAccount, signInOnWay } from '../support/accounts/connectAccount.ts';
import { type ProtectedServer, startProtectedServer } from '../support/accounts/protectedServer.ts';
import { personNamed } from '../support/choosePerson.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type Answered, post } from '../support/rawClient.ts';
import { createBrowser } from '../support/signInBrowser.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const uma = 'user@contoso.example';
const oscar = 'operator@contoso.example';

let topology: TestTopology;
let idp: AuthorizationServerStandIn;
let crm: ProtectedServer;
beforeAll(async () => {
  idp = await startAuthorizationServer();
  crm = await startProtectedServer(idp);
  topology = await startTestTopology();
  const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  const upstream = { headers: { authorization: { credential: 'user-account' } } };
  const { body } = await admin.post('/servers?wait=30', {
    slug: 'crm',
    url: crm.url,
    title: 'Our CRM',
    upstream,
  });
  expect(body).toMatchObject({ status: 'active' });
});
afterAll(async () => {
  await Promise.all([topology.stop(), idp.close(), crm.close()]);
});

const tokenFor = (username: string) => {
  const { oid, tenant } = personNamed(username);
  return topology.mint({ role: 'User', user: oid, tenant });
};
const apiOf = async (username: string): Promise<Api> =>
  managementApi(topology.urls.management, await tokenFor(username));

async function call(username: string, name = 'customers'): Promise<Answered> {
  const authorization = `Bearer ${await tokenFor(username)}`;
  const url = `${topology.urls.mcp}/servers/crm/mcp`;
  const [answer = {}] = await (
    await post(url, 'modern', 'tools/call', { name, arguments: {} }, { authorization })
  ).all();
  return answer;
}
const textOf = (answer: Answered) => JSON.stringify(answer.result ?? answer.error);

/** Calls, and returns the link that the answer names. */
async function linkFor(username: string, name?: string): Promise<string> {
  const text = textOf(await call(username, name));
  const [link] = /http:[^\s"\\]+\/connections\/[^\s"\\]+/.exec(text) ?? [];
  if (link === undefined) throw new Error(`no link: ${text}`);
  return link;
}

async function refusals(): Promise<readonly unknown[]> {
  const audit = managementApi(topology.urls.management, await topology.mint({ role: 'Auditor' }));
  const { body } = await audit.get('/audit?action=connections.connect&limit=50');
  return (body['items'] as { reason?: string }[]).map(({ reason }) => reason);
}
const expectRefusal = (reason: string) => expect.poll(refusals, { timeout: 5_000 }).toContain(reason);

describe('a user without an account at a server', () => {
  test('connects it by the link of a call; then the call works, and another user gets a link of their own', async () => {
    const page = await connectAccount(await linkFor(uma), uma);
    expect(page.text).toContain('You are connected');
    expect(page.text).toContain(new URL(idp.issuer).host);
    expect(textOf(await call(uma))).toContain('done');
    expect(await linkFor(oscar)).toContain('/connections/crm/sign-in');
    const { body } = await (await apiOf(uma)).get('/connections');
    expect(body['items']).toMatchObject([
      {
        server: 'crm',
        title: 'Our CRM',
        state: 'connected',
        issuer: idp.issuer,
        scopes: ['tools', 'offline_access'],
      },
    ]);
    expect(JSON.stringify(body)).not.toContain('sealed');
  });

  test('finds the link at the API too, which says what is missing', async () => {
    const { body } = await (await apiOf(oscar)).get('/connections');
    const [item] = body['items'] as { state: string; signInUrl: string }[];
    expect(item?.state).toBe('sign_in_needed');
    expect((await connectAccount(item?.signInUrl ?? '', oscar)).text).toContain('You are connected');
    expect(textOf(await call(oscar))).toContain('done');
  });
});

test('a token that ran out, or that the server refuses, is refreshed without the user', async () => {
  await connectAccount(await ownLink(), uma);
  idp.expireTokens();
  expect(textOf(await call(uma))).toContain('done');
  await Promise.all([topology.kill('mcp'), topology.kill('management')]);
  await Promise.all([topology.restart('mcp'), topology.restart('management')]);
  expect(textOf(await call(uma))).toContain('done');
});

/** A link of the API: it is there also for a connected account. */
async function ownLink(): Promise<string> {
  const { body } = await (await apiOf(uma)).get('/connections');
  return (body['items'] as { signInUrl: string }[])[0]?.signInUrl ?? '';
}

test('a call that needs more scopes answers with a link, and the new sign-in has both', async () => {
  await connectAccount(await ownLink(), uma);
  const link = await linkFor(uma, 'delete');
  expect(textOf(await call(uma))).toContain('done');
  await connectAccount(link, uma);
  expect(textOf(await call(uma, 'delete'))).toContain('done');
});

describe('a link is refused', () => {
  test('to another person', async () => {
    const { location, status, text } = await (async () => {
      const browser = createBrowser();
      return browser.open(await signInOnWay(await ownLink(), oscar, browser));
    })();
    expect(location).toBeUndefined();
    expect(status).toBe(403);
    expect(text).toContain('for another person');
    await expectRefusal('another_person');
  });

  test('when the sign-in ends in another browser', async () => {
    const browser = createBrowser();
    let step = await browser.open(await signInOnWay(await ownLink(), uma, browser));
    step = await browser.open(step.location ?? '');
    const stolen = await createBrowser().open(step.location ?? '');
    expect(stolen.status).toBe(403);
    await expectRefusal('browser_changed');
  });

  test('when it was changed, and for the answer of another issuer', async () => {
    const link = new URL(await ownLink());
    link.pathname = '/connections/other/sign-in';
    expect((await createBrowser().open(link)).status).toBe(400);
    await expectRefusal('link_unknown');
    idp.rules.iss = 'https://evil.example.com';
    const sent = idp.requests.length;
    expect((await connectAccount(await ownLink(), uma)).text).toContain('not connected');
    expect(idp.requests.slice(sent).map(({ path }) => path)).not.toContain('/token');
    idp.rules.iss = idp.issuer;
    await expectRefusal('issuer_changed');
  });
});

test('a user forgets the own account only, and it is revoked at its server', async () => {
  expect((await (await apiOf('auditor@fabrikam.example')).delete('/connections/crm')).status).toBe(404);
  const api = await apiOf(uma);
  expect((await api.delete('/connections/crm')).status).toBe(204);
  expect((await api.delete('/connections/crm')).status).toBe(404);
  expect(idp.requests.at(-1)?.path).toBe('/revoke');
  expect(await linkFor(uma)).toContain('/connections/crm/sign-in');
});

test('the document of the gateway as a client is at its own id', async () => {
  const url = `${topology.urls.mcp}/connections/client.json`;
  const response = await fetch(url);
  expect(await response.json()).toMatchObject({
    client_id: url,
    redirect_uris: [`${topology.urls.mcp}/connections/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
  });
});
