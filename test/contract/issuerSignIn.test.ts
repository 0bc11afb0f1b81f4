import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  apiClientId,
  clientAppId,
  defaultTenant,
  localClientSecret,
  secondTenant,
  signInClientId,
} from '../../infra/local/defaults.ts';
import { type Issuer, startIssuer } from '../../infra/local/issuer/issuer.ts';
import { choosePerson, personNamed } from '../support/choosePerson.ts';

let folder: string;
let issuer: Issuer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issuer-'));
  issuer = await startIssuer({ port: 0, keyFile: join(folder, 'issuerKey.json') });
});
afterAll(async () => {
  await issuer.stop();
  await rm(folder, { recursive: true });
});

const redirectUri = 'http://127.0.0.1:49152/callback';
const query = new URLSearchParams({
  client_id: clientAppId,
  response_type: 'code',
  redirect_uri: redirectUri,
  scope: `api://${apiClientId}/mcp.access offline_access`,
}).toString();
const authorizeUrl = (authority = 'organizations') =>
  `${issuer.origin}/${authority}/oauth2/v2.0/authorize?${query}`;
const askTokens = async (form: Record<string, string>, tenant = 'organizations') => {
  const url = `${issuer.origin}/${tenant}/oauth2/v2.0/token`;
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  return (await answer.json()) as Record<string, unknown>;
};
const codeOf = async (username: string) =>
  (await choosePerson(authorizeUrl(), personNamed(username).oid)).location?.searchParams.get('code') ?? '';
const redeem = (code: string) =>
  askTokens({ client_id: clientAppId, grant_type: 'authorization_code', redirect_uri: redirectUri, code });
const refresh = (token: unknown) =>
  askTokens({ client_id: clientAppId, grant_type: 'refresh_token', refresh_token: String(token) });
const administer = (oid: string, act: string, body = '{}', type = 'application/json') =>
  fetch(`${issuer.origin}/people/${oid}/${act}`, { method: 'POST', headers: { 'Content-Type': type }, body });

describe('discovery', () => {
  test.each([
    { authority: secondTenant, issuerPath: secondTenant },
    { authority: 'organizations', issuerPath: '{tenantid}' },
    { authority: 'common', issuerPath: '{tenantid}' },
  ])('of $authority names its endpoints', async ({ authority, issuerPath }) => {
    const base = `${issuer.origin}/${authority}`;
    const document = await (await fetch(`${base}/v2.0/.well-known/openid-configuration`)).json();
    expect(document).toMatchObject({
      issuer: `${issuer.origin}/${issuerPath}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    });
    expect(document).not.toHaveProperty('code_challenge_methods_supported');
  });
});

describe('the page', () => {
  test('runs no script, and its policy allows the style that it has', async () => {
    const answer = await fetch(authorizeUrl());
    const [, style = ''] = /<style>([^]*)<\/style>/.exec(await answer.text()) ?? [];
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
  });

  test('shows text of a request as text', async () => {
    const url = `${issuer.origin}/common/oauth2/v2.0/authorize?client_id=<script>alert(1)</script>`;
    expect(await (await fetch(url)).text()).not.toContain('<script>');
  });

  test.each([
    { from: 'organizations', to: 'organizations', changed: 'x', why: 'that was changed' },
    { from: 'organizations', to: defaultTenant, changed: '', why: 'of another authority' },
  ])('takes no choice for a request $why', async ({ from, to, changed }) => {
    const page = await (await fetch(authorizeUrl(from))).text();
    const [, request = ''] = /name="request" value="([^"]+)"/.exec(page) ?? [];
    const body = new URLSearchParams({
      request: request + changed,
      person: personNamed('user@contoso.example').oid,
    });
    const answer = await fetch(`${issuer.origin}/${to}/login`, { method: 'POST', body, redirect: 'manual' });
    expect(answer.status).toBe(400);
  });

  test('takes no person of another tenant than the one that was asked for', async () => {
    const { location, text } = await choosePerson(
      authorizeUrl(secondTenant),
      personNamed('user@contoso.example').oid,
    );
    expect(location).toBeUndefined();
    expect(text).toContain('no such person');
  });
});

test('codes and refresh tokens survive a restart', async () => {
  const code = await codeOf('user@contoso.example');
  const { refresh_token: token } = await redeem(await codeOf('user@contoso.example'));
  const { port } = issuer;
  await issuer.stop();
  issuer = await startIssuer({ port, keyFile: join(folder, 'issuerKey.json') });
  expect(await redeem(code)).toHaveProperty('access_token');
  expect(await refresh(token)).toHaveProperty('access_token');
});

describe('nothing is issued', () => {
  const ofGateway = { client_id: signInClientId, client_secret: localClientSecret };
  const wrongGrant = { error: 'invalid_grant', error_codes: [70000] };

  test('to a client for the code or the refresh token of another', async () => {
    const code = await codeOf('user@contoso.example');
    const { refresh_token: token } = await redeem(await codeOf('user@contoso.example'));
    const redemption = { grant_type: 'authorization_code', redirect_uri: redirectUri, code };
    expect(await askTokens({ ...ofGateway, ...redemption })).toMatchObject(wrongGrant);
    const refreshing = { grant_type: 'refresh_token', refresh_token: String(token) };
    expect(await askTokens({ ...ofGateway, ...refreshing })).toMatchObject(wrongGrant);
  });

  test('at the tenant of others', async () => {
    const { refresh_token: token } = await redeem(await codeOf('user@contoso.example'));
    const form = { client_id: clientAppId, grant_type: 'refresh_token', refresh_token: String(token) };
    expect(await askTokens(form, secondTenant)).toMatchObject(wrongGrant);
    expect(await askTokens(form, defaultTenant)).toHaveProperty('access_token');
  });

  test('on behalf of an app, or by a client that is not the API', async () => {
    const exchange = async (assertion: string, client: Record<string, string>) =>
      askTokens(
        {
          ...client,
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          requested_token_use: 'on_behalf_of',
          scope: 'api://stock/.default',
          assertion,
        },
        defaultTenant,
      );
    const ofApi = { client_id: apiClientId, client_secret: localClientSecret };
    const refusal = { error: 'invalid_grant', error_codes: [50013] };
    expect(await exchange(await issuer.mint({ role: 'User', kind: 'app' }), ofApi)).toMatchObject(refusal);
    const ofUser = await issuer.mint({ role: 'User' });
    expect(await exchange(ofUser, ofGateway)).toMatchObject(refusal);
    expect(await exchange(ofUser, ofApi)).toHaveProperty('access_token');
  });
});

describe('an administrator', () => {
  const { oid } = personNamed('auditor@fabrikam.example');
  const exchange = (assertion: unknown) =>
    askTokens(
      {
        client_id: apiClientId,
        client_secret: localClientSecret,
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        requested_token_use: 'on_behalf_of',
        scope: 'api://stock/.default',
        assertion: String(assertion),
      },
      secondTenant,
    );

  test('disables a person: no sign-in, no refresh, no exchange, until the person is enabled', async () => {
    const tokens = await redeem(await codeOf('auditor@fabrikam.example'));
    const code = await codeOf('auditor@fabrikam.example');
    await administer(oid, 'disable');
    const refusal = { error: 'invalid_grant', error_codes: [50057] };
    expect(await refresh(tokens['refresh_token'])).toMatchObject(refusal);
    expect(await exchange(tokens['access_token'])).toMatchObject(refusal);
    expect(await redeem(code)).toMatchObject(refusal);
    expect((await choosePerson(authorizeUrl(), oid)).text).toContain('AADSTS50057:');
    await administer(oid, 'enable');
    expect(await refresh(tokens['refresh_token'])).toHaveProperty('access_token');
    expect(await exchange(tokens['access_token'])).toHaveProperty('access_token');
  });

  test('revokes the sign-ins of a person, who can sign in again', async () => {
    const { refresh_token: token } = await redeem(await codeOf('auditor@fabrikam.example'));
    await administer(oid, 'revoke');
    expect(await refresh(token)).toMatchObject({ error: 'invalid_grant', error_codes: [50173] });
    expect(await redeem(await codeOf('auditor@fabrikam.example'))).toHaveProperty('refresh_token');
  });

  test.each([
    { act: 'disable', body: '{}', type: 'text/plain', status: 415, why: 'a form, as any page could send' },
    { act: 'roles', body: '{"roles":["Root"]}', type: undefined, status: 400, why: 'an unknown role' },
    { act: 'promote', body: '{}', type: undefined, status: 404, why: 'an unknown act' },
  ])('is refused $why', async ({ act, body, type, status }) => {
    expect((await administer(oid, act, body, type)).status).toBe(status);
  });

  test('finds no person who is unknown', async () => {
    expect((await administer('a0b0c0d0-1111-4111-8111-000000000009', 'disable')).status).toBe(404);
  });
});

test.each([
  { to: redirectUri, status: 303, why: 'to a registered URI' },
  { to: 'https://evil.example/', status: 200, why: 'to no other URI' },
])('a sign-out leads back $why', async ({ to, status }) => {
  const url = `${issuer.origin}/common/oauth2/v2.0/logout?post_logout_redirect_uri=${encodeURIComponent(to)}`;
  expect((await fetch(url, { redirect: 'manual' })).status).toBe(status);
});

test('a form without end is refused', async () => {
  const answer = await fetch(`${issuer.origin}/common/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ code: 'x'.repeat(20_000) }),
  });
  expect(answer.status).toBe(413);
});
