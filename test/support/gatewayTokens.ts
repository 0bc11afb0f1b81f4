import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { deriveGatewayKeys, type GatewayKey } from '../../shared/identity/tokens/gatewayKeys.ts';
import { testSealingKey } from './config.ts';

/** The key with which an app of the test configuration signs. */
export function testGatewayKey(issuer: string, sealingKey = testSealingKey): GatewayKey {
  const [key] = deriveGatewayKeys(issuer, [sealingKey]);
  if (key === undefined) throw new Error('there is no key');
  return key;
}

interface Person {
  readonly issuer: string;
  readonly audience: string;
  readonly tenant: string;
  readonly user: string;
  readonly now: Date;
}

/** The claims of a token as the gateway issues it to an Admin. */
export function gatewayClaims({ issuer, audience, tenant, user, now }: Person): JWTPayload {
  const seconds = Math.floor(now.getTime() / 1_000);
  return {
    iss: issuer,
    aud: audience,
    sub: user,
    tid: tenant,
    oid: user,
    name: 'Ada',
    client_id: 'https://client.example/metadata.json',
    azp: 'https://client.example/metadata.json',
    roles: ['Gateway.Admin'],
    scp: 'mcp.access',
    gid: 'grant-1',
    jti: 'token-1',
    iat: seconds,
    nbf: seconds,
    exp: seconds + 600,
  };
}

/** Signs any claims with any header with a key of a gateway. */
export const signAsGateway = (
  claims: JWTPayload,
  { privateKey, published: { kid } }: GatewayKey,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header }).sign(privateKey);
