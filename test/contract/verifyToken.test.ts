import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Refusal } from '../../shared/identity/tokens/refusals.ts';
import { createTokenVerifier, type Verdict } from '../../shared/identity/tokens/verifyToken.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { openOutboundClient, type OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { type KeyServer, newKey, sign, type SigningKey, startKeyServer } from '../support/jwks.ts';

const audience = 'c0ffee00-0000-4000-8000-000000000001';
const tenant = 'aaaaaaaa-1111-4111-8111-111111111111';
const otherTenant = '22222222-2222-4222-8222-222222222222';
const strangeTenant = '33333333-3333-4333-8333-333333333333';
const user = '44444444-4444-4444-8444-444444444444';
const client = '55555555-5555-4555-8555-555555555555';
const now = new Date('2026-03-01T12:00:00Z');
const nowSeconds = now.getTime() / 1000;

let server: KeyServer;
let outbound: OutboundClient;
let key: SigningKey;
let otherKey: SigningKey;
let unpublished: SigningKey;
let verify: Verify;

const issuerOf = (of: string) => `${server.origin}/${of}/v2.0`;
const template = () => `${server.origin}/{tenantid}/v2.0`;

beforeAll(async () => {
  [server, key, otherKey, unpublished] = await Promise.all([
    startKeyServer(),
    newKey('key-1'),
    newKey('key-other'),
    newKey('key-unpublished'),
  ]);
  outbound = openOutboundClient('private_allowed');
});
afterAll(async () => {
  await outbound.close();
  await server.stop();
});
beforeEach(() => {
  server.asked.length = 0;
  server.answer = (path) => ({
    keys: [
      { ...key.jwk, issuer: template() },
      // Served at every tenant's address, but for the tokens of one of them.
      { ...otherKey.jwk, issuer: issuerOf(otherTenant) },
      ...(path.includes(strangeTenant) ? [{ ...unpublished.jwk, issuer: template() }] : []),
    ],
  });
  verify = newVerifier();
});
afterEach(() => {
  vi.useRealTimers();
});

type Verify = (authorization: string | null) => Promise<Verdict>;

/** A token of Entra is for every resource. */
const resource = 'https://mcp.contoso.com/mcp';

function newVerifier(authority = server.origin): Verify {
  const verifier = createTokenVerifier(
    { authority, audience, tenants: new Set([tenant, otherTenant]) },
    { outbound, clock: { now: () => now } },
  );
  return (authorization) => verifier(authorization, resource);
}

/** An access token as Entra v2 makes it for a user. */
const userClaims = (): JWTPayload => ({
  aud: audience,
  iss: issuerOf(tenant),
  iat: nowSeconds - 60,
  nbf: nowSeconds - 60,
  exp: nowSeconds + 3600,
  azp: client,
  azpacr: '0',
  name: 'Ada',
  oid: user,
  preferred_username: 'ada@contoso.com',
  roles: ['Gateway.Admin'],
  scp: 'profile mcp.access',
  sub: 'pairwise',
  tid: tenant,
  uti: 'unique',
  ver: '2.0',
});
const appClaims = (): JWTPayload => ({ ...without(userClaims(), 'scp', 'name'), idtyp: 'app', azpacr: '1' });

const without = (claims: JWTPayload, ...names: string[]): JWTPayload =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));

const bearer = async (claims: JWTPayload, signer = key, header = {}): Promise<string> =>
  `Bearer ${await sign(claims, signer, header)}`;

describe('a token that is good', () => {
  test('of a user says who calls, from the token alone', async () => {
    expect(await verify(await bearer(userClaims()))).toEqual({
      actor: {
        tenantId: tenant,
        userId: user,
        name: 'Ada',
        kind: 'user',
        clientId: client,
        roles: ['Admin'],
        expiresAt: (nowSeconds + 3600) * 1000,
      },
    });
  });

  test.each<[string | undefined, JWTPayload]>([
    ['ada@contoso.com', { name: undefined }],
    ['ada@contoso.com', { name: '' }],
    ['ada@contoso.com', { name: ['Ada'] }],
    [undefined, { name: 7, preferred_username: {} }],
    ['x'.repeat(200), { name: 'x'.repeat(9_000) }],
    ['\ufffd', { name: '\ud800' }],
  ])('has the name %s, whatever the claims for people hold', async (name, claims) => {
    expect(await verify(await bearer({ ...userClaims(), ...claims }))).toMatchObject({
      actor: { userId: user, ...(name !== undefined && { name }) },
    });
  });

  test('of an app says so', async () => {
    expect(await verify(await bearer(appClaims()))).toMatchObject({
      actor: { kind: 'app', roles: ['Admin'] },
    });
  });

  test.each<[change: JWTPayload, why: string]>([
    [{ exp: nowSeconds - 59 }, 'expired within the tolerance'],
    [{ nbf: nowSeconds + 59 }, 'not yet valid within the tolerance'],
    [{ scp: 'mcp.access' }, 'the scope alone'],
    [{ roles: ['Other.Role', 'Gateway.User'] }, 'a role of another application beside ours'],
    [{ groups: ['Gateway.Admin'], wids: ['x'] }, 'claims that we do not read'],
  ])('is accepted with %j: %s', async (change) => {
    expect(await verify(await bearer({ ...userClaims(), ...change }))).toHaveProperty('actor');
  });

  test('of another configured tenant is of that tenant', async () => {
    const claims = { ...userClaims(), tid: otherTenant, iss: issuerOf(otherTenant) };
    expect(await verify(await bearer(claims, otherKey))).toMatchObject({
      actor: { tenantId: otherTenant },
    });
  });

  test.each([
    ['bearer', ' ', 'the scheme in small letters'],
    ['BEARER', ' ', 'the scheme in capitals'],
    ['Bearer', '   ', 'several spaces (RFC 9110, 11.4)'],
  ])('is accepted after "%s%s": %s', async (scheme, space) => {
    expect(await verify(`${scheme}${space}${await sign(userClaims(), key)}`)).toHaveProperty('actor');
  });

  test('holds the roles of this gateway and no others', async () => {
    const roles = ['Gateway.User', 'Gateway.Root', 'gateway.admin', 'Admin', 'Gateway.Auditor'];
    const verdict = await verify(await bearer({ ...userClaims(), roles }));
    expect('actor' in verdict && new Set(verdict.actor.roles)).toEqual(new Set(['User', 'Auditor']));
  });
});

describe('claims that are refused', () => {
  test.each<[why: string, refusal: Refusal, claims: () => JWTPayload]>([
    ['beyond the tolerance', 'expired', () => ({ ...userClaims(), exp: nowSeconds - 61 })],
    ['at the tolerance', 'expired', () => ({ ...userClaims(), exp: nowSeconds - 60 })],
    ['beyond the tolerance', 'not_yet_valid', () => ({ ...userClaims(), nbf: nowSeconds + 61 })],
    ['would be valid for ever', 'wrong_claims', () => without(userClaims(), 'exp')],
    ['Entra always says it', 'wrong_claims', () => without(userClaims(), 'nbf')],
    ['Entra always says it', 'wrong_claims', () => without(userClaims(), 'iat')],
    ['nobody', 'wrong_claims', () => without(userClaims(), 'oid')],
    ['for nobody', 'wrong_audience', () => without(userClaims(), 'aud')],
    ['from nobody', 'wrong_claims', () => without(userClaims(), 'iss')],
    ['of no tenant', 'unknown_tenant', () => without(userClaims(), 'tid')],
    [
      'a string for a time',
      'wrong_claims',
      () => ({ ...userClaims(), exp: `${nowSeconds + 3600}` as never }),
    ],
    ['for another application', 'wrong_audience', () => ({ ...userClaims(), aud: strangeTenant })],
    ['v2 tokens name the client id', 'wrong_audience', () => ({ ...userClaims(), aud: `api://${audience}` })],
    ['Entra names one audience, not a list', 'wrong_claims', () => ({ ...userClaims(), aud: [audience] })],
    ['also for another', 'wrong_claims', () => ({ ...userClaims(), aud: [audience, strangeTenant] })],
    ['another issuer', 'wrong_claims', () => ({ ...userClaims(), iss: 'https://evil.example/v2.0' })],
    ['not to the letter', 'wrong_claims', () => ({ ...userClaims(), iss: `${issuerOf(tenant)}/` })],
    ['issuer and tenant differ', 'wrong_claims', () => ({ ...userClaims(), iss: issuerOf(otherTenant) })],
    ['tenant and issuer differ', 'wrong_claims', () => ({ ...userClaims(), tid: otherTenant })],
    ['a tenant that is not configured', 'unknown_tenant', () => ({ ...userClaims(), tid: strangeTenant })],
    ['not as Entra writes it', 'unknown_tenant', () => ({ ...userClaims(), tid: tenant.toUpperCase() })],
    ['a list', 'unknown_tenant', () => ({ ...userClaims(), tid: [tenant] })],
    ['no tenant', 'unknown_tenant', () => ({ ...userClaims(), tid: '__proto__' })],
    ['a name, which may change hands', 'wrong_claims', () => ({ ...userClaims(), oid: 'ada@contoso.com' })],
    [
      'a v1 token',
      'wrong_claims',
      () => ({ ...userClaims(), ver: '1.0', iss: `https://sts.windows.net/${tenant}/` }),
    ],
    ['a v1 token with the issuer of v2', 'wrong_claims', () => ({ ...userClaims(), ver: '1.0' })],
    ['not the scope of this gateway', 'no_scope', () => ({ ...userClaims(), scp: 'profile' })],
    ['no scope at all', 'no_scope', () => ({ ...userClaims(), scp: '' })],
    ['only begins like it', 'no_scope', () => ({ ...userClaims(), scp: 'mcp.access.all' })],
    ['a list, which Entra never sends', 'wrong_claims', () => ({ ...userClaims(), scp: ['mcp.access'] })],
    ['neither of a user nor of an app', 'no_scope', () => without(userClaims(), 'scp')],
    ['of a user, without scope', 'no_scope', () => ({ ...appClaims(), idtyp: 'user' })],
    ['says that it is an app, and has a scope', 'no_scope', () => ({ ...appClaims(), scp: 'profile' })],
    ['a user without a role', 'no_role', () => without(userClaims(), 'roles')],
    ['a user without a role', 'no_role', () => ({ ...userClaims(), roles: [] })],
    ['a role of another application', 'no_role', () => ({ ...userClaims(), roles: ['Admin'] })],
    ['a string for a list', 'wrong_claims', () => ({ ...userClaims(), roles: 'Gateway.Admin' })],
    ['any app of the tenant gets such a token', 'no_role', () => without(appClaims(), 'roles')],
  ])('%s: %s', async (_, refusal, claims) => {
    expect(await verify(await bearer(claims()))).toEqual({ refusal });
  });
});

describe('more than one token', () => {
  test.each([
    ['two headers, joined by the host', (token: string) => `${token},${token}`],
    ['two headers, joined with a space', (token: string) => `${token}, ${token}`],
    ['a second one of another scheme', (token: string) => `${token}, Basic YTpi`],
    ['a first one of another scheme', (token: string) => `Basic YTpi, ${token}`],
    ['a second one that is nothing', (token: string) => `${token}, `],
  ])('is refused whatever they are: %s', async (_, headers) => {
    expect(await verify(headers(await bearer(userClaims())))).toEqual({ refusal: 'repeated' });
  });

  test('is not one of another scheme, which may hold commas', async () => {
    expect(await verify('Digest username="a", realm="b"')).toEqual({ refusal: 'malformed' });
  });
});

describe('signatures that are refused', () => {
  test('none: "alg": "none"', async () => {
    expect(await verify(`Bearer ${new UnsecuredJWT(userClaims()).encode()}`)).toEqual({
      refusal: 'malformed',
    });
    const [, payload = ''] = (await sign(userClaims(), key)).split('.');
    const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    expect(await verify(`Bearer ${header}.${payload}.AAAA`)).toEqual({ refusal: 'bad_signature' });
  });

  test('HS256 with the public key for a secret', async () => {
    const secret = Buffer.from(JSON.stringify(key.jwk));
    const token = await new SignJWT(userClaims())
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: key.kid })
      .sign(createSecretKey(secret));
    expect(await verify(`Bearer ${token}`)).toEqual({ refusal: 'bad_signature' });
  });

  test('RS256 in the header over an HMAC', async () => {
    const [header = '', payload = ''] = (await sign(userClaims(), key)).split('.');
    const mac = createHmac('sha256', JSON.stringify(key.jwk))
      .update(`${header}.${payload}`)
      .digest('base64url');
    expect(await verify(`Bearer ${header}.${payload}.${mac}`)).toEqual({ refusal: 'bad_signature' });
  });

  test.each<[header: object, signer: () => SigningKey, refusal: Refusal, why: string]>([
    [{ alg: 'PS256' }, () => key, 'bad_signature', 'another algorithm of the same key'],
    [{}, () => unpublished, 'bad_signature', 'a key that the issuer does not publish'],
    [{ kid: 'key-1' }, () => unpublished, 'bad_signature', 'a stranger’s key under a published id'],
    [{ kid: undefined }, () => key, 'bad_signature', 'no key id'],
    [{ kid: 'key-other' }, () => otherKey, 'bad_signature', 'a key that signs for another tenant only'],
    [{ typ: 'at+jwt' }, () => key, 'wrong_claims', 'another kind of token'],
    [{ typ: undefined }, () => key, 'wrong_claims', 'no kind of token'],
    [{ typ: ['JWT'] }, () => key, 'wrong_claims', 'a list of kinds'],
    [{ jwk: { kty: 'RSA' } }, () => unpublished, 'bad_signature', 'a key that the token brings along'],
    [
      { jku: 'https://evil.example/keys' },
      () => unpublished,
      'bad_signature',
      'keys from where the token says',
    ],
  ])('header %j: %s', async (header, signer, refusal) => {
    const alg = 'alg' in header ? await importAs('PS256', signer()) : signer();
    expect(await verify(await bearer(userClaims(), alg, header))).toEqual({ refusal });
  });

  test('one character changed, anywhere', async () => {
    const token = await sign(userClaims(), key);
    for (const index of [0, token.indexOf('.') + 5, token.lastIndexOf('.') + 5]) {
      const changed = token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1);
      expect(await verify(`Bearer ${changed}`)).toHaveProperty('refusal');
    }
  });
});

async function importAs(alg: string, { kid, privateKey, jwk }: SigningKey): Promise<SigningKey> {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', privateKey);
  const algorithm = { name: alg === 'PS256' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return { kid, jwk, privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']) };
}

describe('headers that are refused', () => {
  test('none at all is "missing"', async () => {
    expect(await verify(null)).toEqual({ refusal: 'missing' });
  });

  test.each<[why: string, make: (token: string) => string]>([
    ['empty', () => ''],
    ['no token', () => 'Bearer'],
    ['no token', () => 'Bearer '],
    ['no scheme', (token) => token],
    ['another scheme', (token) => `Basic ${token}`],
    ['a tab', (token) => `Bearer\t${token}`],
    ['a space behind', (token) => `Bearer ${token} `],
    ['a space ahead', (token) => ` Bearer ${token}`],
    ['two headers joined', (token) => `Bearer ${token}, Bearer ${token}`],
    ['too many parts', (token) => `Bearer ${token}.${token}`],
    ['too few parts', (token) => `Bearer ${token.split('.').slice(0, 2).join('.')}`],
    ['padding', (token) => `Bearer ${token}=`],
    ['quotes', (token) => `Bearer "${token}"`],
    ['a line break', (token) => `Bearer ${token.replace('.', '\n.')}`],
    ['no JSON', () => 'Bearer a.b.c'],
    ['too long', () => `Bearer ${'a'.repeat(16_384)}.b.c`],
  ])('%s', async (_, make) => {
    const verdict = await verify(make(await sign(userClaims(), key)));
    expect(verdict).toSatisfy((it: object) => 'refusal' in it && it.refusal !== 'missing');
    expect(server.asked).toEqual([]);
  });

  test('a token of more than 16 KiB is not looked at, one of 16 KiB is', async () => {
    const padded = async (length: number) => {
      const bare = await sign({ ...userClaims(), pad: '' }, key);
      const token = await sign(
        { ...userClaims(), pad: 'x'.repeat(Math.floor(((length - bare.length) * 3) / 4)) },
        key,
      );
      return token;
    };
    const [fits, tooLong] = [await padded(16 * 1024), await padded(16 * 1024 + 4)];
    expect([fits.length <= 16 * 1024, tooLong.length > 16 * 1024]).toEqual([true, true]);
    expect(await verify(`Bearer ${fits}`)).toHaveProperty('actor');
    expect(await verify(`Bearer ${tooLong}`)).toEqual({ refusal: 'malformed' });
  });

  test('whatever it is, the answer is a verdict and never an exception', async () => {
    const token = await sign(userClaims(), key);
    const json = fc.oneof(
      fc.json(),
      fc.constant('null'),
      fc.constant('[]'),
      fc.constant(`{"tid":"${tenant}"}`),
      fc.constant('{"alg":"RS256","typ":"JWT","kid":"key-1","crit":["x"],"x":1}'),
      fc.constant('{"alg":"RS256","typ":"JWT","kid":7}'),
      fc.constant('{"alg":"RS256","typ":"JWT","kid":"key-1","b64":false,"crit":["b64"]}'),
    );
    const part = (index: number) =>
      fc.oneof(
        fc.constant(token.split('.')[index] ?? ''),
        json.map((text) => Buffer.from(text).toString('base64url')),
        fc.stringMatching(/^[\w-]{1,40}$/),
      );
    await fc.assert(
      fc.asyncProperty(part(0), part(1), part(2), async (header, payload, signature) => {
        const forged = `${header}.${payload}.${signature}`;
        expect(await verify(`Bearer ${forged}`)).toHaveProperty(forged === token ? 'actor' : 'refusal');
      }),
      { numRuns: 500 },
    );
  });
});

describe('signing keys', () => {
  test('are fetched once for many tokens of a tenant, and only of that tenant', async () => {
    const token = await bearer(userClaims());
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(server.asked).toEqual([`/${tenant}/discovery/v2.0/keys`]);
  });

  test('are never fetched for a tenant that is not configured', async () => {
    const claims = { ...userClaims(), tid: strangeTenant, iss: issuerOf(strangeTenant) };
    expect(await verify(await bearer(claims, unpublished))).toEqual({ refusal: 'unknown_tenant' });
    expect(server.asked).toEqual([]);
  });

  test('are not fetched again and again for key ids that nobody knows', async () => {
    for (let count = 0; count < 5; count++) {
      const token = await bearer(userClaims(), unpublished, { kid: `unknown-${count}` });
      expect(await verify(token)).toEqual({ refusal: 'bad_signature' });
    }
    expect(server.asked).toHaveLength(1);
  });

  test('that are new are found once the last fetch is half a minute old', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now });
    await verify(await bearer(userClaims()));
    const rotated = await newKey('key-2');
    server.answer = () => ({ keys: [{ ...rotated.jwk, issuer: template() }] });
    expect(await verify(await bearer(userClaims(), rotated))).toEqual({ refusal: 'bad_signature' });
    vi.setSystemTime(now.getTime() + 31_000);
    expect(await verify(await bearer(userClaims(), rotated))).toHaveProperty('actor');
    expect(await verify(await bearer(userClaims()))).toEqual({ refusal: 'bad_signature' });
    expect(server.asked).toHaveLength(2);
  });

  test('must say whose tokens they sign', async () => {
    server.answer = () => ({ keys: [key.jwk] });
    expect(await verify(await bearer(userClaims()))).toEqual({ refusal: 'bad_signature' });
  });

  const outages: [string, () => void][] = [
    ['an error', () => (server.answer = () => ({ status: 503, body: 'canary' }))],
    ['not found', () => (server.answer = () => ({ status: 404 }))],
    [
      'a redirect',
      () =>
        (server.answer = (path) =>
          path === '/moved'
            ? { keys: [{ ...key.jwk, issuer: template() }] }
            : { status: 302, headers: { location: '/moved' } }),
    ],
    ['no JSON', () => (server.answer = () => ({ status: 200, body: '<html>' }))],
    ['no key set', () => (server.answer = () => ({ status: 200, body: '{"keys":1}' }))],
    ['nothing', () => (server.answer = () => ({ status: 204 }))],
    ['half an answer', () => (server.answer = () => 'cut')],
  ];

  test.each(outages)('that cannot be had because of %s are no verdict on the token', async (_, fail) => {
    fail();
    const outcome = verify(await bearer(userClaims()));
    await expect(outcome).rejects.toThrow(InfrastructureError);
    await expect(outcome).rejects.toMatchObject({ part: 'identity_provider' });
    expect(server.asked).not.toContain('/moved');
  });

  test('are asked for again after an outage', async () => {
    server.answer = () => ({ status: 503 });
    await expect(verify(await bearer(userClaims()))).rejects.toThrow(InfrastructureError);
    server.answer = () => ({ keys: [{ ...key.jwk, issuer: template() }] });
    expect(await verify(await bearer(userClaims()))).toHaveProperty('actor');
  });

  test.each(outages)('that are a day old serve on while their source answers with %s', async (_, fail) => {
    vi.useFakeTimers({ toFake: ['Date'], now });
    await verify(await bearer(userClaims()));
    vi.setSystemTime(now.getTime() + 25 * 3_600_000);
    fail();
    expect(await verify(await bearer(userClaims()))).toHaveProperty('actor');
    const token = bearer(userClaims(), await newKey('key-2'));
    await expect(verify(await token)).rejects.toThrow(InfrastructureError);
  });

  test('behind an address that nobody listens at are no verdict on the token', async () => {
    const verifier = newVerifier('http://127.0.0.1:1');
    await expect(verifier(await bearer(userClaims()))).rejects.toThrow(InfrastructureError);
  });
});
