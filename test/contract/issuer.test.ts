import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiClientId, defaultTenant, defaultUser, secondTenant } from '../../infra/local/defaults.ts';
import type { MintRequest } from '../../infra/local/issuer/claims.ts';
import { type Issuer, startIssuer } from '../../infra/local/issuer/issuer.ts';
import { mintAt } from '../../infra/local/mint.ts';
import { createTokenVerifier, type Verdict } from '../../shared/identity/tokens/verifyToken.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { badTokens, forge, powerlessTokens, type TokenSource, tokenSource } from '../support/tokens.ts';

let folder: string;
let issuer: Issuer;
let source: TokenSource;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issuer-'));
  issuer = await startIssuer({ port: 0, keyFile: join(folder, 'issuerKey.json') });
  source = await tokenSource(folder, issuer.origin);
});
afterAll(async () => {
  await issuer.stop();
  await rm(folder, { recursive: true });
});

const post = (body: string, headers: Record<string, string> = { 'Content-Type': 'application/json' }) =>
  fetch(`${issuer.origin}/mint`, { method: 'POST', headers, body });

describe('tokens', () => {
  test('verify against the published keys, found through discovery', async () => {
    const discovery = (await (
      await fetch(`${issuer.origin}/${secondTenant}/v2.0/.well-known/openid-configuration`)
    ).json()) as { issuer: string; jwks_uri: string };
    const token = await mintAt(issuer.port, { role: 'Auditor', tenant: secondTenant });

    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
      issuer: discovery.issuer,
      audience: apiClientId,
      algorithms: ['RS256'],
    });
    expect(discovery.issuer).toBe(`${issuer.origin}/${secondTenant}/v2.0`);
    expect(payload).toMatchObject({ tid: secondTenant, oid: defaultUser, roles: ['Gateway.Auditor'] });
  });

  test('stay good over a restart, and the key is for its owner alone', async () => {
    const keyFile = join(folder, 'kept', 'key.json');
    const first = await startIssuer({ port: 0, keyFile });
    const token = await first.mint({ role: 'User' });
    await first.stop();
    const second = await startIssuer({ port: first.port, keyFile });
    const keys = createRemoteJWKSet(new URL(`${second.origin}/${defaultTenant}/discovery/v2.0/keys`));

    await expect(jwtVerify(token, keys)).resolves.toBeDefined();
    await second.stop();
    if (process.platform !== 'win32') expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  });

  test('a key file with something else in it is named', async () => {
    const keyFile = join(folder, 'broken.json');
    await writeFile(keyFile, '{}');
    await expect(startIssuer({ port: 0, keyFile })).rejects.toThrow(`${keyFile} holds no signing key`);
  });

  test('keys are shaped like those of Entra', async () => {
    const { keys } = (await (
      await fetch(`${issuer.origin}/${defaultTenant}/discovery/v2.0/keys`)
    ).json()) as { keys: Record<string, unknown>[] };

    expect(keys).toEqual([
      {
        kty: 'RSA',
        use: 'sig',
        kid: decodeProtectedHeader(await issuer.mint({})).kid,
        n: expect.any(String) as string,
        e: 'AQAB',
        issuer: `${issuer.origin}/{tenantid}/v2.0`,
      },
    ]);
  });
});

describe('the apps', () => {
  let verify: (authorization: string) => Promise<Verdict>;
  const outbound = openOutboundClient('private_allowed');
  beforeAll(() => {
    const verifier = createTokenVerifier(
      { authority: issuer.origin, audience: apiClientId, tenants: new Set([defaultTenant, secondTenant]) },
      { outbound, clock: systemClock },
    );
    verify = (authorization) => verifier(authorization, 'https://mcp.contoso.com/mcp');
  });
  afterAll(() => outbound.close());

  test.each<{ request: MintRequest; kind: string; roles: string[] }>([
    { request: { role: 'Admin' }, kind: 'user', roles: ['Admin'] },
    {
      request: { roles: ['User', 'Auditor'], tenant: secondTenant },
      kind: 'user',
      roles: ['Auditor', 'User'],
    },
    { request: { role: 'Operator', kind: 'app' }, kind: 'app', roles: ['Operator'] },
  ])('accept what the issuer mints: $request', async ({ request, kind, roles }) => {
    expect(await verify(`Bearer ${await issuer.mint(request)}`)).toMatchObject({
      actor: { kind, roles },
    });
  });

  test('accept a forged token with nothing wrong in it, so that what follows says something', async () => {
    expect(await verify(`Bearer ${await forge(source)}`)).toHaveProperty('actor');
  });

  test.each(badTokens)('refuse to know the bearer of a token: $name', async ({ make }) => {
    const verdict = await verify(`Bearer ${await make(source)}`);
    expect(verdict).toHaveProperty('refusal');
    expect(verdict).not.toMatchObject({ refusal: expect.stringMatching(/^no_(scope|role)$/) as string });
  });

  test.each(powerlessTokens)('allow nothing to the bearer of a token: $name', async ({ make }) => {
    const verdict = await verify(`Bearer ${await make(source)}`);
    expect(verdict).toMatchObject({ refusal: expect.stringMatching(/^no_(scope|role)$/) as string });
  });
});

describe('POST /mint', () => {
  test.each([
    { why: 'an unknown role', body: { role: 'Root' }, path: 'role' },
    { why: 'a tenant that is no GUID', body: { tenant: 'contoso' }, path: 'tenant' },
    { why: 'a user that is no GUID', body: { user: '../x' }, path: 'user' },
    { why: 'role and roles', body: { role: 'User', roles: ['Admin'] }, path: 'role' },
    { why: 'a lifetime that is over already', body: { expiresInSeconds: -1 }, path: 'expiresInSeconds' },
    { why: 'a claim of the caller', body: { aud: 'x' }, path: 'aud' },
  ])('refuses $why and says where', async ({ body, path }) => {
    const response = await post(JSON.stringify(body));
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ errors: [{ path }] });
  });

  test.each([
    { why: 'what is not JSON', body: '{', headers: { 'Content-Type': 'application/json' }, status: 400 },
    {
      why: 'a form, as any page could send',
      body: '{}',
      headers: { 'Content-Type': 'text/plain' },
      status: 415,
    },
    {
      why: 'a body without end',
      body: JSON.stringify({ user: 'x'.repeat(20_000) }),
      headers: { 'Content-Type': 'application/json' },
      status: 413,
    },
  ])('refuses $why', async ({ body, headers, status }) => {
    expect((await post(body, headers)).status).toBe(status);
  });

  test('answers with the token and its lifetime, and nobody keeps it', async () => {
    const response = await post('{"role":"User","expiresInSeconds":60}');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) as string,
      expires_in: 60,
    });
  });
});

test.each([
  { method: 'GET', path: '/mint', status: 405 },
  { method: 'POST', path: `/${defaultTenant}/discovery/v2.0/keys`, status: 405 },
  { method: 'GET', path: '/consumers/discovery/v2.0/keys', status: 404 },
  { method: 'GET', path: '/', status: 404 },
])('$method $path is answered with $status', async ({ method, path, status }) => {
  expect((await fetch(issuer.origin + path, { method })).status).toBe(status);
});

test('a name that someone made resolve to this machine gets nothing', async () => {
  const response = await fetch(`http://localhost:${issuer.port}/mint`, { method: 'POST' }).catch(
    () => undefined,
  );
  // Where localhost is IPv6 only, nothing answers at all.
  if (response) expect(response.status).toBe(403);
});

test('without an issuer, asking for a token says in one line what to do', async () => {
  await expect(mintAt(1, { role: 'User' })).rejects.toThrow(
    /^No token issuer answers on port 1: .*npm start/,
  );
});
