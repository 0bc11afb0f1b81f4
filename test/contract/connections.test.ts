import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { anna, issuerIdIn, openAccounts, sharedTables } from '../support/accounts/accounts.ts';
import {
  type AuthorizationServerStandIn,
  startAuthorizationServer,
} from '../support/accounts/authorizationServer.ts';
import { startProtectedServer } from '../support/accounts/protectedServer.ts';

let idp: AuthorizationServerStandIn;
let crm: Awaited<ReturnType<typeof startProtectedServer>>;
let tables: OpenTable;
let gateway: ReturnType<typeof openAccounts>;
const open: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  idp = await startAuthorizationServer();
  crm = await startProtectedServer(idp);
  tables = sharedTables();
  gateway = openAccounts(tables);
  open.push(idp, crm, gateway);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const target = () => ({ slug: 'crm', url: crm.url });
const sentTo = (path: string) =>
  idp.requests.filter((request) => request.path === path).map(({ params }) => params);
const tokenOf = (value: string) => value.replace(/^Bearer /, '');
const kindOf = (result: { ok: boolean; error?: { kind: string } }) => (result.ok ? 'ok' : result.error?.kind);

async function authorization(): Promise<string> {
  const given = await gateway.connections.authorizationFor(anna, target());
  if (!given.ok) throw new Error(given.error.message);
  return given.value;
}

describe('a user without an account', () => {
  test('gets a link that only names the server and the person, and expires', async () => {
    const needed = await gateway.connections.authorizationFor(anna, target());
    if (needed.ok) throw new Error('there is no account');
    expect(needed.error.kind).toBe('sign_in_needed');
    const link = new URL(String(needed.error.members?.['signInUrl']));
    expect(link.pathname).toBe('/connections/crm/sign-in');
    const sealed = link.searchParams.get('link') ?? '';
    expect(gateway.links.open('crm', sealed)).toMatchObject(anna);
    expect(gateway.links.open('other', sealed)).toBeUndefined();
    expect(gateway.links.open('crm', `${sealed.slice(0, -1)}_`)).toBeUndefined();
    gateway.pass(600_000);
    expect(gateway.links.open('crm', sealed)).toBe('expired');
  });
});

describe('a sign-in', () => {
  test('gives tokens that are stored under seal only', async () => {
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
    const value = await authorization();
    expect(idp.scopesOf(tokenOf(value))).toEqual(['tools', 'offline_access']);
    const [asked] = sentTo('/authorize');
    expect(asked).toMatchObject({
      resource: crm.url,
      scope: 'tools offline_access',
      code_challenge_method: 'S256',
    });
    expect(sentTo('/token')[0]).toMatchObject({ resource: crm.url });
    const row = JSON.stringify(await gateway.store.find({ ...anna, slug: 'crm' }));
    expect(row).not.toContain(tokenOf(value));
    expect(await gateway.connections.firstUserOf('t1', 'crm')).toBe('anna');
    expect(await gateway.connections.firstUserOf('t2', 'crm')).toBeUndefined();
  });

  test('serves the discovery of its server, unless an administrator ended the access of its user', async () => {
    await gateway.connect(target());
    gateway.revoked.add('anna');
    expect(await gateway.connections.firstUserOf('t1', 'crm')).toBeUndefined();
    await gateway.connect(target(), { user: { ...anna, userId: 'bob' } });
    expect(await gateway.connections.firstUserOf('t1', 'crm')).toBe('bob');
  });

  test('is of one user, one tenant and one origin', async () => {
    await gateway.connect(target());
    const { connections } = gateway;
    expect(kindOf(await connections.authorizationFor({ ...anna, userId: 'bob' }, target()))).toBe(
      'sign_in_needed',
    );
    expect(kindOf(await connections.authorizationFor({ ...anna, tenantId: 't2' }, target()))).toBe(
      'sign_in_needed',
    );
    const moved = { slug: 'crm', url: 'http://127.0.0.1:9/mcp' };
    expect(kindOf(await connections.authorizationFor(anna, moved))).toBe('sign_in_needed');
  });

  test('works once, and in its own browser only', async () => {
    const begun = await gateway.signIn.begin(anna, target());
    if (!begun.ok) throw new Error(begun.error.message);
    const { location, cookie } = begun.value;
    const back = async () => {
      const answer = await fetch(location, { redirect: 'manual' });
      return new URL(answer.headers.get('location') ?? '');
    };
    const end = (url: URL) => gateway.signIn.end(url.searchParams, cookieOf, issuerIdIn(url));
    const cookieOf = (name: string) => (name === cookie.name ? cookie.value : undefined);
    expect(kindOf((await end(await back())).result)).toBe('ok');
    expect(kindOf((await end(await back())).result)).toBe('invalid');
    const other = await gateway.signIn.begin(anna, target());
    if (!other.ok) throw new Error(other.error.message);
    const answer = await fetch(other.value.location, { redirect: 'manual' });
    const params = new URL(answer.headers.get('location') ?? '').searchParams;
    expect(kindOf((await gateway.signIn.end(params, () => 'another')).result)).toBe('forbidden');
    expect(sentTo('/token')).toHaveLength(1);
  });

  test.each([
    ['of another issuer', 'https://evil.example.com'],
    ['of the issuer in another spelling', 'normalized'],
    ['of none, where the server promises one', undefined],
  ])('with an answer %s sends no code', async (_, iss) => {
    idp.rules.iss = iss === 'normalized' ? `${idp.issuer}/` : iss;
    expect(kindOf(await gateway.connect(target()))).toBe('forbidden');
    expect(sentTo('/token')).toEqual([]);
  });

  test.each([true, false])(
    'gives the code of one server to no other, also where neither names itself (with documents: %s)',
    async (hasDocuments) => {
      idp.rules.iss = undefined;
      idp.rules.metadata = {
        authorization_response_iss_parameter_supported: undefined,
        client_id_metadata_document_supported: hasDocuments,
      };
      await gateway.connect(target());
      const asked = sentTo('/authorize').at(-1);
      const evil = await startAuthorizationServer();
      open.push(evil);
      evil.rules.metadata = idp.rules.metadata;
      crm.rules.metadata = { ...crm.rules.metadata, authorization_servers: [evil.issuer] };
      const begun = await gateway.signIn.begin(anna, target());
      if (!begun.ok) throw new Error(begun.error.message);
      const { location, cookie } = begun.value;
      // The malicious server sends the browser on to the honest one, with the state of its own sign-in.
      const lure = new URL(`${idp.issuer}/authorize`);
      const state = new URL(location).searchParams.get('state') ?? '';
      lure.search = new URLSearchParams({ ...asked, state }).toString();
      const back = new URL((await fetch(lure, { redirect: 'manual' })).headers.get('location') ?? '');
      expect(back.searchParams.get('code')).not.toBeNull();
      const ended = await gateway.signIn.end(back.searchParams, () => cookie.value, issuerIdIn(back));
      expect(kindOf(ended.result)).toBe('forbidden');
      expect(evil.requests.map(({ path }) => path)).not.toContain('/token');
    },
  );

  test('needs no iss where the server does not promise one', async () => {
    idp.rules.iss = undefined;
    idp.rules.metadata = { authorization_response_iss_parameter_supported: undefined };
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
  });

  test('ends where the server or the person declines', async () => {
    const declined = await gateway.connect(target(), {
      onWay: (back) => {
        back.searchParams.delete('code');
        back.searchParams.set('error', 'access_denied');
      },
    });
    expect(kindOf(declined)).toBe('cancelled');
  });

  test('with the code of another sign-in is refused by the server, and the client registers again', async () => {
    const refused = await gateway.connect(target(), {
      onWay: (back) => {
        back.searchParams.set('code', 'of-another');
      },
    });
    expect(kindOf(refused)).toBe('unauthenticated');
    await gateway.connect(target());
    expect(sentTo('/register')).toHaveLength(2);
  });
});

describe('discovery', () => {
  test.each<[string, () => void]>([
    ['at the path of the URL', () => (crm.rules.challenge = undefined)],
    [
      'at the root',
      () => {
        crm.rules.challenge = 'Bearer';
        crm.rules.metadataPath = '/.well-known/oauth-protected-resource';
        crm.rules.metadata = { ...crm.rules.metadata, resource: new URL(crm.url).origin };
      },
    ],
    [
      'where the challenge says',
      () => {
        crm.rules.metadataPath = '/custom.json';
        crm.rules.challenge = `Basic realm="x", Bearer error="invalid_token", resource_metadata="${new URL('/custom.json', crm.url).href}"`;
      },
    ],
    ['by OpenID Connect', () => (idp.rules.metadataPath = '/.well-known/openid-configuration')],
  ])('finds the metadata %s', async (_, arrange) => {
    arrange();
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
    if (crm.rules.metadataPath.endsWith('/mcp'))
      expect(crm.requests).not.toContain('GET /.well-known/oauth-protected-resource');
  });

  test.each([
    '/.well-known/oauth-authorization-server/one',
    '/.well-known/openid-configuration/one',
    '/one/.well-known/openid-configuration',
  ])('finds an issuer with a path at %s', async (metadataPath) => {
    const other = await startAuthorizationServer('/one');
    open.push(other);
    other.rules.metadataPath = metadataPath;
    crm.rules.metadata = { ...crm.rules.metadata, authorization_servers: [other.issuer] };
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
    expect(other.requests.map(({ path }) => path)).not.toContain('/.well-known/oauth-authorization-server');
  });

  test('takes the scopes of the challenge before those of the metadata', async () => {
    crm.rules.challenge = `${crm.rules.challenge ?? ''}, scope="admin"`;
    await gateway.connect(target());
    expect(sentTo('/authorize')[0]?.['scope']).toBe('admin offline_access');
  });

  test('asks for no scope where nobody names one, and for no offline_access that the server lacks', async () => {
    crm.rules.metadata = { resource: crm.url, authorization_servers: [idp.issuer] };
    await gateway.connect(target());
    crm.rules.metadata = { ...crm.rules.metadata, scopes_supported: ['tools'] };
    idp.rules.metadata = { scopes_supported: ['tools'] };
    await gateway.connect(target());
    expect(sentTo('/authorize').map(({ scope }) => scope)).toEqual([undefined, 'tools']);
  });

  test.each<[string, () => void]>([
    [
      'the metadata of another resource',
      () => (crm.rules.metadata = { ...crm.rules.metadata, resource: 'https://evil.example.com/mcp' }),
    ],
    ['a challenge to metadata that is not there', () => (crm.rules.metadataPath = '/elsewhere')],
    [
      'another issuer in the metadata',
      () => (idp.rules.metadata = { issuer: 'https://attacker.example.com' }),
    ],
    [
      'a script as authorization endpoint',
      () => (idp.rules.metadata = { authorization_endpoint: 'javascript:alert(1)' }),
    ],
    [
      'a file as authorization endpoint',
      () => (idp.rules.metadata = { authorization_endpoint: 'file:///etc/passwd' }),
    ],
    [
      'a command as authorization endpoint',
      () => (idp.rules.metadata = { authorization_endpoint: 'a:$(calc)' }),
    ],
    [
      'metadata on a link-local address',
      () => (idp.rules.metadata = { token_endpoint: 'http://169.254.169.254/token' }),
    ],
    ['no PKCE', () => (idp.rules.metadata = { code_challenge_methods_supported: ['plain'] })],
    ['no word about PKCE', () => (idp.rules.metadata = { code_challenge_methods_supported: undefined })],
    [
      'an issuer on a link-local address',
      () =>
        (crm.rules.metadata = { ...crm.rules.metadata, authorization_servers: ['http://169.254.169.254'] }),
    ],
    ['no metadata of the named issuer', () => (idp.rules.metadataPath = '/nowhere')],
    ['no way to register', () => (idp.rules.metadata = { registration_endpoint: undefined })],
    [
      'a client authentication that the gateway lacks',
      () => (idp.rules.metadata = { token_endpoint_auth_methods_supported: ['private_key_jwt'] }),
    ],
  ])('refuses a server with %s', async (_, arrange) => {
    arrange();
    expect(kindOf(await gateway.connect(target()))).toBe('rejected');
    expect(sentTo('/authorize')).toEqual([]);
  });

  test('never takes an outage for a server without metadata', async () => {
    await idp.close();
    expect(kindOf(await gateway.connect(target()))).toBe('unavailable');
  });

  test('allows no private address where upstream servers are public', async () => {
    const strict = openAccounts(tables, 'public');
    open.push(strict);
    expect(kindOf(await strict.connect(target()))).toBe('invalid');
  });

  test('finds the endpoints of a server of 2025-03-26 at its own origin', async () => {
    crm.rules.metadata = undefined;
    crm.rules.challenge = undefined;
    const begun = await gateway.signIn.begin(anna, target());
    // This server has no such endpoints: the registration is where it ends.
    expect(kindOf(begun)).toBe('rejected');
    expect(crm.requests.at(-1)).toBe('POST /register');
  });
});

describe('the client', () => {
  test('is the preset one of the settings, at its issuer only', async () => {
    idp.clients.set('preset', {
      method: 'client_secret_post',
      secret: 's p+é-cret',
      redirectUris: ['http://127.0.0.1:8001/connections/callback'],
    });
    idp.rules.metadata = { token_endpoint_auth_methods_supported: ['client_secret_post'] };
    const client = { issuer: idp.issuer, clientId: 'preset', clientSecret: 's p+é-cret', scope: 'tools' };
    expect(kindOf(await gateway.connect({ ...target(), client }))).toBe('ok');
    expect(sentTo('/register')).toEqual([]);
    const elsewhere = { ...client, issuer: 'http://127.0.0.1:9' };
    expect(kindOf(await gateway.connect({ ...target(), client: elsewhere }))).toBe('rejected');
    const given = await gateway.connections.authorizationFor(anna, { ...target(), client: elsewhere });
    expect(kindOf(given)).toBe('sign_in_needed');
  });

  test.each(['none', 'client_secret_basic', 'client_secret_post'])('authenticates by %s', async (method) => {
    idp.rules.metadata = { token_endpoint_auth_methods_supported: [method] };
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
    expect([...idp.clients.values()].map((client) => client.method)).toEqual([method]);
  });

  test('is the document of the gateway where the server reads such', async () => {
    idp.rules.metadata = { client_id_metadata_document_supported: true };
    const begun = await gateway.signIn.begin(anna, target());
    if (!begun.ok) throw new Error(begun.error.message);
    const { searchParams } = new URL(begun.value.location);
    expect(searchParams.get('client_id')).toBe('http://127.0.0.1:8001/connections/client.json');
  });

  test('registers once for a tenant and an issuer', async () => {
    await gateway.connect(target());
    await gateway.connect(target(), { user: { ...anna, userId: 'bob' } });
    expect(sentTo('/register')).toHaveLength(1);
    await gateway.connect(target(), { user: { tenantId: 't2', userId: 'carl' } });
    expect(sentTo('/register')).toHaveLength(2);
  });

  test('gives nothing of one issuer to the next', async () => {
    await gateway.connect(target());
    const [registered] = [...idp.clients.entries()];
    const old = await authorization();
    const next = await startAuthorizationServer();
    open.push(next);
    crm.rules.metadata = { ...crm.rules.metadata, authorization_servers: [next.issuer] };
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
    const sent = JSON.stringify(next.requests);
    expect(sent).not.toContain(registered?.[0]);
    expect(sent).not.toContain(registered?.[1].secret);
    expect(sent).not.toContain(tokenOf(old));
    expect(next.scopesOf(tokenOf(await authorization()))).toBeDefined();
  });
});

describe('tokens', () => {
  test('are refreshed a minute before they expire, once for all instances', async () => {
    await gateway.connect(target());
    const first = await authorization();
    const others = [openAccounts(tables), openAccounts(tables)];
    open.push(...others);
    for (const each of [gateway, ...others]) each.pass(3_600_000 - 59_000);
    const given = await Promise.all(
      [gateway, gateway, ...others].map((each) => each.connections.authorizationFor(anna, target())),
    );
    const values = new Set(given.map((each) => (each.ok ? each.value : each.error.kind)));
    expect(values.size).toBe(1);
    expect(values).not.toContain(first);
    expect(sentTo('/token').filter(({ grant_type }) => grant_type === 'refresh_token')).toHaveLength(1);
    expect(sentTo('/token').at(-1)).toMatchObject({ resource: crm.url });
  });

  test('are refreshed after a 401, and a second one asks the user', async () => {
    await gateway.connect(target());
    const first = await authorization();
    const { connections } = gateway;
    const second = await connections.refused(anna, target(), first);
    if (!second.ok) throw new Error(second.error.message);
    expect(second.value).not.toBe(first);
    // A call that still had the first one gets the second, and nothing is refreshed.
    expect(await connections.refused(anna, target(), first)).toEqual(second);
    expect(kindOf(await connections.refused(anna, target(), second.value))).toBe('sign_in_needed');
    expect(kindOf(await connections.authorizationFor(anna, target()))).toBe('sign_in_needed');
    expect(await connections.firstUserOf('t1', 'crm')).toBeUndefined();
  });

  test('without a refresh token end with a 401', async () => {
    idp.rules.isShortLived = true;
    await gateway.connect(target());
    expect(kindOf(await gateway.connections.refused(anna, target(), await authorization()))).toBe(
      'sign_in_needed',
    );
    expect(kindOf(await gateway.connections.authorizationFor(anna, target()))).toBe('sign_in_needed');
  });

  test('end where the server refuses to refresh them, and stay in an outage', async () => {
    await gateway.connect(target());
    gateway.pass(3_600_000);
    idp.rules.tokenAnswer = { status: 503, body: {} };
    expect(kindOf(await gateway.connections.authorizationFor(anna, target()))).toBe('unavailable');
    idp.rules.tokenAnswer = { status: 400, body: { error: 'temporarily_unavailable' } };
    expect(kindOf(await gateway.connections.authorizationFor(anna, target()))).toBe('unavailable');
    idp.rules.tokenAnswer = { status: 400, body: { error: 'invalid_grant', error_description: 'SECRET' } };
    const ended = await gateway.connections.authorizationFor(anna, target());
    expect(kindOf(ended)).toBe('sign_in_needed');
    expect(JSON.stringify(ended)).not.toContain('SECRET');
    idp.rules.tokenAnswer = undefined;
    expect(kindOf(await gateway.connect(target()))).toBe('ok');
    expect(await authorization()).toMatch(/^Bearer /);
  });

  test.each<[string, object]>([
    ['that a header cannot hold', { access_token: 'a\r\nx: y' }],
    ['that no server takes', { access_token: 'a'.repeat(20_000) }],
    ['of a type that the gateway does not know', { token_type: 'DPoP' }],
    ['with a refresh token that is too long', { refresh_token: 'r'.repeat(200_000) }],
  ])('%s are not stored', async (_, more) => {
    idp.rules.tokenAnswer = { status: 200, body: { access_token: 'a', token_type: 'bearer', ...more } };
    expect(kindOf(await gateway.connect(target()))).toBe('unavailable');
    expect(kindOf(await gateway.connections.authorizationFor(anna, target()))).toBe('sign_in_needed');
  });

  test('ask for a bounded number of scopes, whatever a server names', async () => {
    await gateway.connect(target());
    const value = await authorization();
    for (const round of [1, 2]) {
      const scope = Array.from({ length: 150 }, (_, index) => `s${round}-${index}`).join(' ');
      await gateway.connections.refused(
        anna,
        target(),
        value,
        `Bearer error="insufficient_scope", scope="${scope}"`,
      );
    }
    const stored = await gateway.store.find({ ...anna, slug: 'crm' });
    expect(stored?.value.wantedScopes).toHaveLength(200);
    expect(stored?.value.wantedScopes).toContain('s2-0');
    await gateway.connect(target());
    expect(sentTo('/authorize').at(-1)?.['scope']?.split(' ')).toHaveLength(200);
  });

  test('that lack a scope are kept, and the next sign-in asks for both', async () => {
    await gateway.connect(target());
    const value = await authorization();
    const challenge = 'Bearer error="insufficient_scope", scope="admin"';
    const lacking = await gateway.connections.refused(anna, target(), value, challenge);
    expect(kindOf(lacking)).toBe('sign_in_needed');
    expect(await authorization()).toBe(value);
    await gateway.connect(target());
    expect(sentTo('/authorize').at(-1)?.['scope']?.split(' ').sort()).toEqual([
      'admin',
      'offline_access',
      'tools',
    ]);
  });

  test('that are forgotten are revoked, and gone also where the server does not answer', async () => {
    await gateway.connect(target());
    const value = await authorization();
    expect(await gateway.forget({ ...anna, slug: 'crm' })).toBe('forgotten');
    expect(idp.scopesOf(tokenOf(value))).toBeUndefined();
    expect(await gateway.forget({ ...anna, slug: 'crm' })).toBe('missing');
    await gateway.connect(target());
    await idp.close();
    expect(await gateway.forget({ ...anna, slug: 'crm' })).toBe('forgotten');
  });
});
