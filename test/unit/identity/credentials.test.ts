import { beforeEach, describe, expect, test } from 'vitest';
import type { ConnectionTarget } from '../../../shared/identity/credentials/connections.ts';
import type { Credentials } from '../../../shared/identity/credentials/credentials.ts';
import {
  type CredentialUse,
  FIRST_USER,
  type SignedIn,
} from '../../../shared/identity/credentials/credentialSources.ts';
import type { IssuedToken } from '../../../shared/identity/credentials/tokenCache.ts';
import { fail, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { type FakeConnections, fakeConnections } from '../../support/connections.ts';
import { testCredentials } from '../../support/credentials.ts';
import { actor } from '../../support/gateway.ts';

const use = (url: string, tenantId = 't1'): CredentialUse => ({ tenantId, url, server: url });
const stock = use('https://stock.example.com/mcp');
const mail = use('https://mail.example.com/mcp');
const begin = Date.UTC(2026, 0, 1);

let now: number;
let asked: { token: string; scope: string }[];
let answer: (token: string) => Result<IssuedToken>;
let credentials: Credentials;
beforeEach(() => {
  now = begin;
  asked = [];
  answer = (token) => succeed({ token: `for-${token}`, expiresAt: now + 3_600_000 });
  credentials = testCredentials(
    {
      'stock-key': { value: 'Bearer of-stock', origins: ['https://stock.example.com'] },
      common: {
        value: 'k',
        origins: ['https://a.example.com', 'https://b.example.com'],
        tenants: ['t1', 't2'],
      },
      mail: { onBehalfOf: 'api://mail/.default', origins: ['https://mail.example.com'] },
    },
    ['t1', 't2'],
    ({ token, scope }) => {
      asked.push({ token, scope });
      return Promise.resolve(answer(token));
    },
    { now: () => new Date(now) },
  );
});
const user = (name: string, token = `token-of-${name}`): SignedIn => ({ actor: actor(name), token });

test('a credential is given to a tenant and an origin that it is for', async () => {
  expect(await credentials.valueOf('stock-key', stock, undefined)).toEqual({
    ok: true,
    value: 'Bearer of-stock',
  });
  const other = use('https://b.example.com/x?y', 't2');
  expect(await credentials.valueOf('common', other, undefined)).toMatchObject({ ok: true });
});

describe('a credential is refused', () => {
  test.each([
    ['stock-key', 't2', stock.url, 'one that names no tenants is for the first alone'],
    ['stock-key', 't1', 'https://stock.example.com.evil.com/mcp', 'another host that begins alike'],
    ['stock-key', 't1', 'http://stock.example.com/mcp', 'another scheme'],
    ['stock-key', 't1', 'https://stock.example.com:8443/mcp', 'another port'],
    ['common', 't3', 'https://a.example.com/', 'a tenant that it does not name'],
    ['mail', 't1', stock.url, 'a token of a user goes no further either'],
    ['nothing', 't1', stock.url, 'there is none'],
    ['constructor', 't1', stock.url, 'a name that every object has'],
  ])('%s, tenant %s, %s: %s', async (name, tenantId, url) => {
    expect(credentials.check(name, use(url, tenantId))).toMatchObject({
      ok: false,
      error: { kind: 'invalid' },
    });
    const refused = await credentials.valueOf(name, use(url, tenantId), user('alice'));
    expect(refused).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(JSON.stringify(refused)).not.toContain('of-stock');
    expect(asked).toEqual([]);
  });
});

describe('a personal credential', () => {
  test('is the user’s own token for the scope, exchanged once as long as it is good', async () => {
    const value = () => credentials.valueOf('mail', mail, user('alice'));
    expect(await Promise.all([value(), value()])).toEqual(
      Array(2).fill(succeed('Bearer for-token-of-alice')),
    );
    now += 3_000_000;
    await value();
    expect(asked).toHaveLength(1);
    // Less than five minutes are left of it.
    now += 3_400_000;
    expect(await credentials.valueOf('mail', mail, user('alice', 'newer'))).toEqual(
      succeed('Bearer for-newer'),
    );
    expect(asked.at(-1)).toEqual({ token: 'newer', scope: 'api://mail/.default' });
  });

  test('is never that of another user', async () => {
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((name) => credentials.valueOf('mail', mail, user(name))),
    );
    expect([alice, bob]).toEqual([succeed('Bearer for-token-of-alice'), succeed('Bearer for-token-of-bob')]);
  });

  test('is not had without a person, and a refusal is not remembered', async () => {
    const app = { ...user('app'), actor: { ...actor('app'), kind: 'app' as const } };
    for (const nobody of [undefined, app])
      expect(await credentials.valueOf('mail', mail, nobody)).toMatchObject({
        error: { kind: 'unauthenticated' },
      });
    expect(asked).toEqual([]);
    answer = () => fail({ kind: 'forbidden', message: 'no consent' });
    expect(await credentials.valueOf('mail', mail, user('alice'))).toMatchObject({
      error: { kind: 'forbidden' },
    });
    answer = (token) => succeed({ token, expiresAt: now + 3_600_000 });
    expect(await credentials.valueOf('mail', mail, user('alice'))).toMatchObject({ ok: true });
  });
});

describe('a token of the gateway itself', () => {
  const origins = ['https://crm.example.com'];
  const crm = use('https://crm.example.com/mcp');
  const client = { tokenUrl: 'https://login.example.com/token', clientId: 'gateway' };
  let given: number;
  let own: Credentials;
  beforeEach(() => {
    given = 0;
    const issue = (lifetimeMs: number) => ({ token: `t${(given += 1)}`, expiresAt: now + lifetimeMs });
    own = testCredentials(
      {
        crm: { clientCredentials: client, origins },
        azure: { managedIdentity: 'api://crm/.default', origins },
      },
      ['t1'],
      undefined,
      { now: () => new Date(now) },
      {
        askToken: () => Promise.resolve(succeed(issue(120_000))),
        identity: {
          getToken: (scope) => {
            if (given > 0) return Promise.reject(new Error('canary of the identity endpoint'));
            const { token, expiresAt } = issue(3_600_000);
            return Promise.resolve({ token: `${String(scope)}-${token}`, expiresOnTimestamp: expiresAt });
          },
          renewToken: () => Promise.reject(new Error('not used')),
        },
      },
    );
  });

  test('is asked for once at a time, used for half its life where that is short, and needs no person', async () => {
    const value = () => own.valueOf('crm', crm, undefined);
    expect(await Promise.all([value(), value()])).toEqual(Array(2).fill(succeed('Bearer t1')));
    now += 59_000;
    expect(await value()).toEqual(succeed('Bearer t1'));
    now += 2_000;
    expect(await value()).toEqual(succeed('Bearer t2'));
    expect(own.isPersonal('crm')).toBe(false);
  });

  test('is asked for again after the server refused it, unless another call did so', async () => {
    await own.valueOf('crm', crm, undefined);
    const refused = () => own.refused('crm', crm, undefined, 'Bearer t1', undefined);
    expect(await refused()).toEqual(succeed('Bearer t2'));
    expect(await refused()).toEqual(succeed('Bearer t2'));
  });

  test('is one of the app’s managed identity for the scope of the settings; a failure names the scope alone', async () => {
    expect(await own.valueOf('azure', crm, undefined)).toEqual(succeed('Bearer api://crm/.default-t1'));
    now += 3_600_000;
    const failed = await own.valueOf('azure', crm, undefined);
    expect(failed).toMatchObject({ ok: false, error: { kind: 'unavailable' } });
    expect(JSON.stringify(failed)).not.toContain('canary');
  });
});

describe('the account of a user at a server', () => {
  const url = 'https://crm.example.com/mcp';
  const crm: CredentialUse = { tenantId: 't1', slug: 'crm', server: url, url };
  const preset = { issuer: 'https://login.example.com', clientId: 'gateway' };
  let seen: ConnectionTarget[];
  let connections: FakeConnections;
  let own: Credentials;
  beforeEach(() => {
    seen = [];
    const fake = fakeConnections();
    connections = {
      ...fake,
      authorizationFor(owner, target) {
        seen.push(target);
        return fake.authorizationFor(owner, target);
      },
    };
    own = testCredentials(
      { preset: { userAccount: preset, origins: ['https://crm.example.com', 'https://other.example.com'] } },
      ['t1'],
      undefined,
      undefined,
      { connections },
    );
  });

  test('is the user’s own, of every tenant, or the first user’s for a discovery', async () => {
    connections.connect('alice', 'crm', 'a');
    expect(await own.valueOf('user-account', { ...crm, tenantId: 't9' }, user('alice'))).toEqual(
      succeed('Bearer a'),
    );
    expect(await own.valueOf('user-account', crm, user('bob'))).toMatchObject({
      error: { kind: 'sign_in_needed', members: { signInUrl: expect.any(String) as string } },
    });
    expect(await own.valueOf('user-account', crm, FIRST_USER)).toEqual(succeed('Bearer a'));
    connections.forget('alice', 'crm');
    expect(await own.valueOf('user-account', crm, FIRST_USER)).toEqual(succeed(undefined));
  });

  test('may have a preset client', async () => {
    connections.connect('alice', 'crm', 'a');
    await own.valueOf('preset', crm, user('alice'));
    expect(seen).toEqual([{ slug: 'crm', url, client: preset }]);
  });

  test.each([
    ['user-account', 'https://other.example.com/messages'],
    ['preset', 'https://other.example.com/messages'],
    ['user-account', 'http://crm.example.com/mcp'],
    ['user-account', 'https://crm.example.com:8443/mcp'],
  ])('%s goes to no other origin than that of the server: %s', async (name, elsewhere) => {
    connections.connect('alice', 'crm', 'a');
    expect(await own.valueOf(name, { ...crm, url: elsewhere }, user('alice'))).toMatchObject({
      error: { kind: 'invalid' },
    });
    expect(seen).toEqual([]);
  });

  test('is not had without a person, nor at a server that is not registered', async () => {
    const app = { ...user('app'), actor: { ...actor('app'), kind: 'app' as const } };
    for (const [given, owner] of [
      [crm, undefined],
      [crm, app],
      [{ ...crm, slug: undefined }, user('alice')],
    ] as const)
      expect(await own.valueOf('user-account', given, owner)).toMatchObject({
        error: { kind: 'unauthenticated' },
      });
  });

  test('does not exist in a gateway without connections', () => {
    expect(testCredentials().check('user-account', crm)).toMatchObject({ ok: false });
  });
});
