import { OAuthClientInformationFullSchema } from '@modelcontextprotocol/sdk/shared/auth.js';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../../../functions/http/route.ts';
import { serve } from '../../../../functions/http/serve.ts';
import { jwksRoute } from '../../../../functions/mcp/oauth/jwks.ts';
import type { SignInAct } from '../../../../functions/mcp/oauth/record.ts';
import { registerRoute } from '../../../../functions/mcp/oauth/register.ts';
import { type RevokeDeps, revokeRoute } from '../../../../functions/mcp/oauth/revoke.ts';
import { azureTableRegisteredClientStore } from '../../../../shared/identity/broker/azureTableRegisteredClientStore.ts';
import { oauthFailure } from '../../../../shared/identity/broker/oauthError.ts';
import type { TokenOrigin } from '../../../../shared/identity/broker/tokenOrigin.ts';
import { systemClock } from '../../../../shared/platform/base/clock.ts';
import { randomId, randomSecret } from '../../../../shared/platform/base/ids.ts';
import { succeed } from '../../../../shared/platform/base/result.ts';
import { unsigned } from '../../../support/assertions.ts';
import { fakeHttpDeps } from '../../../support/httpDeps.ts';
import { memoryState } from '../../../support/memoryState.ts';
import { memoryTables } from '../../../support/memoryTables.ts';

const post = (route: Route<never>, body: string | undefined, headers: Record<string, string> = {}) =>
  serve(
    route,
    fakeHttpDeps(),
  )(
    new Request('https://gateway.example/x', {
      method: 'POST',
      headers,
      ...(body !== undefined && { body }),
    }),
  );
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe('POST /oauth/register', () => {
  function opened() {
    const acts: SignInAct[] = [];
    const route = registerRoute({
      registeredClients: azureTableRegisteredClientStore(memoryTables()),
      state: memoryState(),
      clock: systemClock,
      newId: randomId,
      newSecret: randomSecret,
      record: (act) => acts.push(act),
    });
    return { route: route as Route<never>, acts };
  }
  const metadata = { client_name: 'App', redirect_uris: ['http://localhost:3000/cb'] };

  test.each(['none', 'client_secret_post', 'client_secret_basic'])(
    'answers as clients read it: %s',
    async (method) => {
      const { route, acts } = opened();
      const body = { ...metadata, token_endpoint_auth_method: method, contacts: ['x'] };
      const response = await post(route, JSON.stringify(body), { origin: 'https://inspector.example' });
      expect(response.status).toBe(201);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      const answer = await json(response);
      expect(OAuthClientInformationFullSchema.safeParse(answer).success).toBe(true);
      expect(answer).toMatchObject({
        ...metadata,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: method,
        scope: 'mcp.access offline_access',
      });
      expect('client_secret' in answer).toBe(method !== 'none');
      expect(acts).toMatchObject([
        { action: 'sign_in.register', resource: answer['client_id'], resourceName: 'App' },
      ]);
      expect(JSON.stringify(acts)).not.toContain(answer['client_secret'] ?? 'no secret');
    },
  );

  test.each<[string, string | undefined, number, string]>([
    ['no body', undefined, 400, 'invalid_request'],
    ['no JSON', '{', 400, 'invalid_client_metadata'],
    ['no object', '[]', 400, 'invalid_client_metadata'],
    ['no redirect URI', '{}', 400, 'invalid_redirect_uri'],
    ['a bad one', '{"redirect_uris":["data:text/html,x"]}', 400, 'invalid_redirect_uri'],
    ['two megabytes', `"${'x'.repeat(2_000_000)}"`, 413, 'invalid_request'],
  ])('refuses %s', async (_, body, status, error) => {
    const { route } = opened();
    const response = await post(route, body);
    expect(response.status).toBe(status);
    const answer = await json(response);
    expect(answer['error']).toBe(error);
    expect(answer['error_description']).toMatch(/^[ -~]+$/);
  });

  test('records why it refused', async () => {
    const { route, acts } = opened();
    await post(route, '{"redirect_uris":["http://evil.example/"]}');
    expect(acts).toMatchObject([
      { action: 'sign_in.register', error: { members: { error: 'invalid_redirect_uri' } } },
    ]);
    expect(JSON.stringify(acts)).not.toContain('evil');
  });
});

describe('POST /oauth/revoke', () => {
  const issuer = 'https://mcp.contoso.com';
  const origin: TokenOrigin = { tenantId: 't', userId: 'u', id: 'g', clientId: 'app' };
  const claims = { iss: issuer, tid: 't', oid: 'u', gid: 'g', client_id: 'app', exp: 1, nbf: 0 };
  let signed: (more?: object, typ?: string) => Promise<string>;
  let publicKeys: RevokeDeps['publicKeys'];
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    publicKeys = [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }];
    signed = (more = {}, typ = 'at+jwt') =>
      new SignJWT({ ...claims, ...more })
        .setProtectedHeader({ alg: 'ES256', kid: 'k', typ })
        .sign(privateKey);
  });

  function opened() {
    const acts: SignInAct[] = [];
    const ended: TokenOrigin[] = [];
    const route = revokeRoute({
      issuer,
      publicKeys,
      openRefreshToken: (token) => (token === 'refresh' ? origin : undefined),
      endGrant: (name) => Promise.resolve(ended.push(name)),
      authenticateClient: ({ client_id: id = '' }) =>
        Promise.resolve(
          id === 'app' || id === 'other'
            ? succeed({ id, kind: 'preset', name: id, redirectUris: [] })
            : oauthFailure('invalid_client', 'unknown'),
        ),
      record: (act) => acts.push(act),
    });
    const revoke = (fields: Record<string, string>) =>
      post(route as Route<never>, new URLSearchParams(fields).toString());
    return { revoke, acts, ended };
  }

  test('ends the grant of a refresh token and of an access token, also of an expired one', async () => {
    for (const token of ['refresh', await signed()]) {
      const { revoke, acts, ended } = opened();
      const response = await revoke({ client_id: 'app', token, token_type_hint: 'anything' });
      expect(response.status).toBe(200);
      expect(ended).toEqual([origin]);
      expect(acts).toMatchObject([{ action: 'sign_in.revoke', resource: 'app', person: origin }]);
      expect(JSON.stringify(acts)).not.toContain(token === 'refresh' ? '"refresh"' : token);
    }
  });

  test('takes a token that is not valid, and ends nothing', async () => {
    const { revoke, ended } = opened();
    const tokens = [
      'x',
      await signed({ iss: 'https://other.example' }),
      await signed({}, 'JWT'),
      await signed({ gid: undefined }),
      unsigned({ alg: 'none', typ: 'at+jwt', kid: 'k' }, claims),
      `${(await signed()).slice(0, -4)}AAAA`,
      'x'.repeat(20_000),
    ];
    for (const token of tokens) expect((await revoke({ client_id: 'app', token })).status).toBe(200);
    expect(ended).toEqual([]);
  });

  test('refuses the token of another client, and ends nothing', async () => {
    for (const token of ['refresh', await signed()]) {
      const { revoke, acts, ended } = opened();
      const response = await revoke({ client_id: 'other', token });
      expect(response.status).toBe(400);
      expect(await json(response)).toMatchObject({ error: 'invalid_request' });
      expect(ended).toEqual([]);
      expect(acts).toMatchObject([{ resource: 'other', error: { kind: 'invalid' } }]);
    }
  });

  test('refuses an unknown client, and a request without a token', async () => {
    const { revoke } = opened();
    const response = await revoke({ client_id: 'nobody', token: 'refresh' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect(await json(response)).toMatchObject({ error: 'invalid_client' });
    expect((await revoke({ client_id: 'app' })).status).toBe(400);
  });
});

test('GET /oauth/jwks publishes the public keys, for every page', async () => {
  const route = jwksRoute({ publicKeys: [{ kty: 'EC', kid: 'k' }] });
  const response = await serve(route, fakeHttpDeps())(new Request('https://gateway.example/oauth/jwks'));
  expect(await json(response)).toEqual({ keys: [{ kty: 'EC', kid: 'k' }] });
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
});
