import { beforeEach, describe, expect, test } from 'vitest';
import type { Credentials } from '../../../shared/identity/credentials/credentials.ts';
import type { CredentialUse, SignedIn } from '../../../shared/identity/credentials/credentialSources.ts';
import type { IssuedToken } from '../../../shared/identity/credentials/tokenCache.ts';
import { fail, type Result, succeed } from '../../../shared/platform/base/result.ts';
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
