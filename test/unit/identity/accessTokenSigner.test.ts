import fc from 'fast-check';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  type AccessTokenRequest,
  createAccessTokenSigner,
} from '../../../shared/identity/tokens/accessTokenSigner.ts';
import { deriveGatewayKeys } from '../../../shared/identity/tokens/gatewayKeys.ts';
import { isSignedBy } from '../../../shared/identity/tokens/signingKeys.ts';
import { tokenSettingsOf } from '../../../shared/identity/tokens/tokenFacts.ts';
import { createTokenVerifier, type Verdict } from '../../../shared/identity/tokens/verifyToken.ts';
import { testConfig } from '../../support/config.ts';

const tenant = '11111111-1111-4111-8111-111111111111';
const user = '44444444-4444-4444-8444-444444444444';
const publicOrigin = 'https://mcp.contoso.com';
const audience = `${publicOrigin}/mcp`;
const now = new Date('2026-03-01T12:00:00.700Z');
const clock = { now: () => now };

const request: AccessTokenRequest = {
  actor: {
    tenantId: tenant,
    userId: user,
    name: 'Ada',
    clientId: 'inspector',
    roles: ['User', 'Auditor'],
    grantId: 'g1',
  },
  audience,
  expiresAt: now.getTime() + 600_000,
};

const signerOf = (...sealingKeys: string[]) =>
  createAccessTokenSigner({ publicOrigin, sealingKeys }, { clock, newId: () => 'token-1' });

/** Verifies as an app with these sealing keys does. Nothing may be fetched. */
function verifyWith(token: string, ...sealingKeys: string[]): Promise<Verdict> {
  const config = { ...testConfig({ MREG_SIGN_IN_CLIENT_ID: user }), sealingKeys };
  const outbound = { request: () => Promise.reject(new Error('keys were fetched')) };
  const verify = createTokenVerifier(tokenSettingsOf(config, 'https://login.example'), { clock, outbound });
  return verify(`Bearer ${token}`, audience);
}

const secret = fc.string({ minLength: 32, maxLength: 80, unit: 'binary-ascii' });
const two = fc.uniqueArray(secret, { minLength: 2, maxLength: 2 }) as fc.Arbitrary<[string, string]>;

describe('a signed access token', () => {
  test('holds the claims of RFC 9068 and those of Entra that the gateway reads', async () => {
    const token = await signerOf('a'.repeat(32)).sign(request);
    expect(decodeProtectedHeader(token)).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: expect.any(String) as string,
    });
    const seconds = Math.floor(now.getTime() / 1_000);
    expect(decodeJwt(token)).toEqual({
      iss: publicOrigin,
      aud: audience,
      sub: user,
      tid: tenant,
      oid: user,
      name: 'Ada',
      client_id: 'inspector',
      azp: 'inspector',
      roles: ['Gateway.User', 'Gateway.Auditor'],
      scp: 'mcp.access',
      gid: 'g1',
      jti: 'token-1',
      iat: seconds,
      nbf: seconds,
      exp: seconds + 600,
    });
  });

  test('is accepted by both apps, without a request, as the person that it was signed for', async () => {
    const token = await signerOf('a'.repeat(32)).sign(request);
    const { actor } = request;
    expect(await verifyWith(token, 'a'.repeat(32))).toEqual({
      actor: {
        ...actor,
        kind: 'user',
        roles: ['Auditor', 'User'],
        expiresAt: Math.floor(request.expiresAt / 1_000) * 1_000,
      },
      resource: audience,
    });
  });
});

describe('the keys', () => {
  test('follow from the sealing keys and stay the same from version to version', async () => {
    const [key] = deriveGatewayKeys(publicOrigin, ['a-sealing-key-of-tests-that-is-long-enough']);
    expect(key?.published).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: '6DzOMZWgYbVoRDh6zNeCqANsNY-yMw07mvoWZUdJbkU',
      y: 'ya60iRxx27_xnjLK3ZDyJ0ZiVve7odwhIpiqbaj0R7o',
      kid: await calculateJwkThumbprint(key?.published ?? {}),
      use: 'sig',
      alg: 'ES256',
      issuer: publicOrigin,
    });
  });

  test('are the same each time, and others for another secret', () => {
    fc.assert(
      fc.property(two, ([one, other]) => {
        const kids = signerOf(one, other).publicKeys.map(({ kid }) => kid);
        expect(signerOf(one, other).publicKeys).toEqual(signerOf(one, other).publicKeys);
        expect(new Set(kids).size).toBe(2);
        expect(signerOf(other, one).publicKeys.map(({ kid }) => kid)).toEqual(kids.toReversed());
      }),
      { numRuns: 30 },
    );
  });

  test('are published without their private part', () => {
    for (const key of signerOf('a'.repeat(32), 'b'.repeat(32)).publicKeys)
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'issuer', 'kid', 'kty', 'use', 'x', 'y']);
  });

  test('rotate with overlap: each app verifies what another one signs during the change of the setting', async () => {
    await fc.assert(
      fc.asyncProperty(two, async ([old, next]) => {
        const settings = [[old], [old, next], [next, old], [next]];
        // Each step of a rotation meets the one before and the one after it.
        for (const [index, signing] of settings.entries()) {
          const token = await signerOf(...signing).sign(request);
          for (const verifying of settings.slice(Math.max(0, index - 1), index + 2))
            expect(await verifyWith(token, ...verifying)).toHaveProperty('actor');
        }
      }),
      { numRuns: 5 },
    );
  });

  test('verify no token that was signed with another secret, nor one of a key that was removed', async () => {
    await fc.assert(
      fc.asyncProperty(two, async ([one, other]) => {
        const token = await signerOf(one).sign(request);
        expect(await verifyWith(token, other)).toEqual({ refusal: 'bad_signature' });
        const [key] = deriveGatewayKeys(publicOrigin, [other]);
        expect(key && (await isSignedBy(token, key.published, 'ES256'))).toBe(false);
      }),
      { numRuns: 10 },
    );
  });
});
