import { type JWTPayload, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { decidingRule, explainToken } from '../../../shared/identity/tokens/explainToken.ts';
import type { Refusal } from '../../../shared/identity/tokens/refusals.ts';
import { type TokenSettings, tokenSettingsOf } from '../../../shared/identity/tokens/tokenFacts.ts';
import { tokenRule } from '../../../shared/identity/tokens/tokenRules.ts';
import { createTokenVerifier, type Verdict } from '../../../shared/identity/tokens/verifyToken.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { testConfig } from '../../support/config.ts';
import { gatewayClaims, signAsGateway, testGatewayKey } from '../../support/gatewayTokens.ts';
import { newKey, sign, type SigningKey } from '../../support/jwks.ts';

const tenant = '11111111-1111-4111-8111-111111111111';
const otherTenant = '22222222-2222-4222-8222-222222222222';
const user = '44444444-4444-4444-8444-444444444444';
const authority = 'https://login.example';
const issuer = 'https://mcp.contoso.com';
const audience = `${issuer}/servers/stock/mcp`;
const now = new Date('2026-03-01T12:00:00Z');
const seconds = now.getTime() / 1_000;

const on = testConfig({ MREG_TENANTS: tenant, MREG_SIGN_IN_CLIENT_ID: user });
const settings = tokenSettingsOf(on, authority);
const key = testGatewayKey(issuer);
const stranger = testGatewayKey(issuer, 'another-sealing-key-that-is-long-enough');

let entra: SigningKey;
beforeAll(async () => {
  entra = await newKey('entra');
});

const published = () => [{ ...entra.jwk, issuer: `${authority}/{tenantid}/v2.0` }];

/** Verifies a token and explains it: both must give the same reason. */
async function verify(token: string, resource = audience, rules: TokenSettings = settings): Promise<Verdict> {
  const body = { bytes: () => Promise.resolve(Buffer.from(JSON.stringify({ keys: published() }))) };
  const outbound = { request: () => Promise.resolve(succeed({ statusCode: 200, body })) };
  const verdict = await createTokenVerifier(rules, { clock: { now: () => now }, outbound })(
    `Bearer ${token}`,
    resource,
  );
  const rule = decidingRule(await explainToken(token, { settings: rules, resource, now }, published()));
  expect(rule && tokenRule(rule).refusal).toBe('refusal' in verdict ? verdict.refusal : undefined);
  return verdict;
}

const claims = (more: Readonly<Record<string, unknown>> = {}): JWTPayload => ({
  ...gatewayClaims({ issuer, audience, tenant, user, now }),
  ...more,
});

describe("a token of the gateway's own", () => {
  test('says who calls, with which client, and by which grant', async () => {
    expect(await verify(await signAsGateway(claims(), key))).toEqual({
      actor: {
        tenantId: tenant,
        userId: user,
        name: 'Ada',
        kind: 'user',
        clientId: 'https://client.example/metadata.json',
        roles: ['Admin'],
        grantId: 'grant-1',
        expiresAt: (seconds + 600) * 1_000,
      },
      resource: audience,
    });
  });

  test.each<[why: string, refusal: Refusal, more: Readonly<Record<string, unknown>>]>([
    ['beyond the tolerance', 'expired', { exp: seconds - 60 }],
    ['beyond the tolerance', 'not_yet_valid', { nbf: seconds + 61 }],
    ['would be valid for ever', 'wrong_claims', { exp: undefined }],
    ['the gateway always writes it', 'wrong_claims', { nbf: undefined }],
    ['the gateway always writes it', 'wrong_claims', { iat: undefined }],
    ['for nobody', 'wrong_claims', { oid: undefined }],
    ['of no client', 'wrong_claims', { client_id: undefined }],
    ['of no client', 'wrong_claims', { client_id: '' }],
    ['of no grant', 'wrong_claims', { gid: undefined }],
    ['of no user: the gateway issues none for apps', 'wrong_claims', { scp: undefined, idtyp: 'app' }],
    ['for nothing', 'wrong_audience', { aud: undefined }],
    ['for all servers', 'wrong_audience', { aud: `${issuer}/mcp` }],
    ['for another server', 'wrong_audience', { aud: `${issuer}/servers/other/mcp` }],
    ['for a longer name', 'wrong_audience', { aud: `${audience}2` }],
    ['not to the letter', 'wrong_audience', { aud: `${audience}/` }],
    [
      'for the endpoint as another tenant calls it',
      'wrong_audience',
      { aud: `${audience}?tenant=${tenant}` },
    ],
    ['for the audience of Entra', 'wrong_audience', { aud: on.apiClientId }],
    ['a list', 'wrong_claims', { aud: [audience] }],
    ['a tenant that may not sign in', 'unknown_tenant', { tid: otherTenant }],
    ['of no tenant', 'unknown_tenant', { tid: undefined }],
    ['another scope', 'no_scope', { scp: 'profile' }],
    ['no role', 'no_role', { roles: [] }],
    ['no role', 'no_role', { roles: undefined }],
    ['the role of another application', 'no_role', { roles: ['Admin'] }],
    ['a version, which only Entra writes', 'wrong_claims', { ver: '2.0' }],
  ])('is refused: %s (%s) %j', async (_, refusal, more) => {
    expect(await verify(await signAsGateway(claims(more), key))).toEqual({ refusal });
  });

  test.each<[why: string, refusal: Refusal, header: object]>([
    ['another kind of token, such as an id token', 'wrong_claims', { typ: 'JWT' }],
    ['no kind of token', 'wrong_claims', { typ: undefined }],
    ['no key id', 'bad_signature', { kid: undefined }],
    ['an unknown key id', 'bad_signature', { kid: 'unknown' }],
  ])('is refused with %s', async (_, refusal, header) => {
    expect(await verify(await signAsGateway(claims(), key, header))).toEqual({ refusal });
  });

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt'])(
    'may call its type %s (RFC 7515, 4.1.9)',
    async (typ) => {
      expect(await verify(await signAsGateway(claims(), key, { typ }))).toHaveProperty('actor');
    },
  );

  test('is refused when the key of another gateway signed it, also under the name of ours', async () => {
    for (const header of [{}, { kid: key.published.kid }])
      expect(await verify(await signAsGateway(claims(), stranger, header))).toEqual({
        refusal: 'bad_signature',
      });
  });

  test('is refused unsigned', async () => {
    expect(await verify(new UnsecuredJWT(claims()).encode())).toEqual({ refusal: 'malformed' });
  });

  test('is refused where the gateway issues no tokens', async () => {
    const off = tokenSettingsOf(testConfig({ MREG_TENANTS: tenant }), authority);
    expect(await verify(await signAsGateway(claims(), key), audience, off)).toEqual({
      refusal: 'bad_signature',
    });
  });
});

describe('the two issuers are kept apart', () => {
  const entraClaims = (): JWTPayload => ({
    iss: `${authority}/${tenant}/v2.0`,
    aud: on.apiClientId,
    tid: tenant,
    oid: user,
    azp: 'client',
    ver: '2.0',
    scp: 'mcp.access',
    roles: ['Gateway.User'],
    iat: seconds,
    nbf: seconds,
    exp: seconds + 600,
  });

  test('a token of Entra is for every resource, and claims of the gateway mean nothing in it', async () => {
    const token = await sign({ ...entraClaims(), gid: 'grant-1', client_id: 'other' }, entra);
    for (const resource of [audience, `${issuer}/mcp`, 'https://registry.contoso.com']) {
      const verdict = await verify(token, resource);
      expect(verdict).toMatchObject({ actor: { clientId: 'client', roles: ['User'] } });
      expect(JSON.stringify(verdict)).not.toContain('grant-1');
      expect(verdict).not.toHaveProperty('resource');
    }
  });

  test.each<[why: string, make: () => Promise<string>]>([
    ['the key of Entra signs no tokens of the gateway', () => sign(claims(), entra)],
    [
      'not even with the type of the gateway',
      () => sign(claims(), entra, { typ: 'at+jwt', kid: key.published.kid }),
    ],
    ['the key of the gateway signs no tokens of Entra', () => signAsGateway(entraClaims(), key)],
    [
      'not even under the key id of Entra',
      () => signAsGateway(entraClaims(), key, { typ: 'JWT', kid: 'entra' }),
    ],
  ])('%s', async (_, make) => {
    expect(await verify(await make())).toEqual({ refusal: 'bad_signature' });
  });
});
