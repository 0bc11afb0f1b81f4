import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiClientId, defaultTenant, localClientSecret } from '../../infra/local/defaults.ts';
import { type Issuer, startIssuer } from '../../infra/local/issuer/issuer.ts';
import { createTokenExchange } from '../../shared/identity/credentials/tokenExchange.ts';
import type { AppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { json } from '../support/handmadeUpstream.ts';
import { serve, type Served } from '../support/serve.ts';

const outbound = openOutboundClient('private_allowed');
const scope = 'api://stock/.default';
let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer({ port: 0 });
});
afterAll(async () => {
  await issuer.stop();
  await outbound.close();
});

const identity: AppIdentity = {
  getToken: () => Promise.reject(new Error('the secret proves the registration')),
  renewToken: () => Promise.reject(new Error('nothing is renewed')),
};
const exchangeAt = (authority: string, clientSecret = localClientSecret) =>
  createTokenExchange({ apiClientId, clientSecret }, { authority, outbound, identity });

test('a user’s token is exchanged for one of the same user to the other API', async () => {
  const user = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
  const token = await issuer.mint({ role: 'User', user });
  const exchanged = await exchangeAt(issuer.origin)({ tenantId: defaultTenant, token, scope });
  if (!exchanged.ok) throw new Error(exchanged.error.message);
  expect(decodeJwt(exchanged.value.token)).toMatchObject({
    aud: 'api://stock',
    oid: user,
    tid: defaultTenant,
  });
  expect(exchanged.value.expiresAt).toBeGreaterThan(Date.now() + 3_000_000);
});

describe('nothing is exchanged', () => {
  test('for what is no token of the issuer, nor without the secret', async () => {
    const token = await issuer.mint({ role: 'User' });
    const other = await startIssuer({ port: 0 });
    const foreign = await other.mint({ role: 'User' });
    await other.stop();
    for (const [secret, assertion] of [
      [localClientSecret, foreign],
      ['guessed', token],
    ] as const)
      expect(
        await exchangeAt(issuer.origin, secret)({ tenantId: defaultTenant, token: assertion, scope }),
      ).toMatchObject({ ok: false, error: { kind: 'forbidden' } });
  });

  test.each([
    [400, { error: 'invalid_grant', suberror: 'consent_required', error_description: 'canary' }, 'forbidden'],
    [500, 'canary, as a page', 'unavailable'],
    [200, 'x'.repeat(70_000), 'unavailable'],
  ])('where the token service answers %i, and its words go nowhere', async (status, body, kind) => {
    const service: Served = await serve((_request, response) => {
      json(response, body, status);
    });
    const authority = new URL(service.url).origin;
    const refused = await exchangeAt(authority)({ tenantId: defaultTenant, token: 'a.b.c', scope });
    expect(refused).toMatchObject({ ok: false, error: { kind } });
    expect(JSON.stringify(refused)).not.toContain('canary');
    await service.close();
  });

  test('where there is no token service', async () => {
    const refused = await exchangeAt('http://127.0.0.1:9')({
      tenantId: defaultTenant,
      token: 'a.b.c',
      scope,
    });
    expect(refused).toMatchObject({ ok: false, error: { kind: 'unavailable' } });
  });
});
