import { createHmac, createPublicKey } from 'node:crypto';
import type { JWK, JWTHeaderParameters } from 'jose';
import type { TokenKind } from '../../shared/identity/tokens/tokenClaims.ts';
import { gatewayClaims, signAsGateway, testGatewayKey } from './gatewayTokens.ts';
import { newKey, sign } from './jwks.ts';

export const tenant = '11111111-1111-4111-8111-111111111111';
export const secondTenant = '22222222-2222-4222-8222-222222222222';
const strangeTenant = '33333333-3333-4333-8333-333333333333';
const user = '44444444-4444-4444-8444-444444444444';
/** A user whose access was revoked. */
export const revokedUser = '55555555-5555-4555-8555-555555555555';

type Claims = Readonly<Record<string, unknown>>;

/** Makes tokens as one issuer does, for one resource, save for what is overridden. A claim that is `undefined` is left out. */
export interface Mint {
  readonly kind: TokenKind;
  readonly resource: string;
  readonly seconds: number;
  readonly publicKey: JWK;
  readonly claims: (more?: Claims) => Record<string, unknown>;
  readonly sign: (more?: Claims, header?: Partial<JWTHeaderParameters>) => Promise<string>;
}

export interface MintSettings {
  readonly authority: string;
  readonly apiClientId: string;
  readonly publicOrigin: string;
  readonly now: Date;
}

/** Creates the mints of both issuers. `entraKeys` are what Entra publishes. */
export async function createMints({ authority, apiClientId, publicOrigin, now }: MintSettings): Promise<{
  readonly entraKeys: readonly JWK[];
  mint(kind: TokenKind, resource: string): Mint;
}> {
  const entra = await newKey('entra');
  const gateway = testGatewayKey(publicOrigin);
  const seconds = Math.floor(now.getTime() / 1_000);
  const claimsOf: Record<TokenKind, (resource: string) => Claims> = {
    entra: () => ({
      iss: `${authority}/${tenant}/v2.0`,
      aud: apiClientId,
      tid: tenant,
      oid: user,
      azp: 'client',
      ver: '2.0',
      scp: 'mcp.access',
      roles: ['Gateway.Admin'],
      iat: seconds,
      nbf: seconds,
      exp: seconds + 3_600,
    }),
    gateway: (audience) => gatewayClaims({ issuer: publicOrigin, audience, tenant, user, now }),
  };
  return {
    entraKeys: [{ ...entra.jwk, issuer: `${authority}/{tenantid}/v2.0` } as JWK],
    mint(kind, resource) {
      const claims = (more: Claims = {}) => ({ ...claimsOf[kind](resource), ...more });
      return {
        kind,
        resource,
        seconds,
        publicKey: kind === 'entra' ? entra.jwk : gateway.published,
        claims,
        sign: (more, header) =>
          kind === 'entra' ? sign(claims(more), entra, header) : signAsGateway(claims(more), gateway, header),
      };
    },
  };
}

/** The answer to a token: its status, and what its challenge says; no challenge where `says` is absent. */
export interface TokenCase {
  readonly name: string;
  /** The value of `Authorization`; `undefined` for a request without one. */
  readonly send: (mint: Mint) => Promise<string | undefined> | string | undefined;
  readonly status: 401 | 403;
  /** Absent: the challenge names no error. */
  readonly says?: string;
  readonly code?: 'invalid_token' | 'insufficient_scope';
  readonly isUnchallenged?: true;
}

const general = 'The access token is not valid for this gateway.';
const bearer = (name: string, says: string, make: (mint: Mint) => Promise<string> | string): TokenCase => ({
  name,
  send: async (mint) => `Bearer ${await make(mint)}`,
  status: 401,
  code: 'invalid_token',
  says,
});
const withoutRole = { status: 403, isUnchallenged: true } as const;

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** Uses the public key, which everyone knows, as if it were a shared secret (RFC 8725, section 2.1). */
function signWithPublicKey({ publicKey, claims, kind }: Mint): string {
  const typ = kind === 'entra' ? 'JWT' : 'at+jwt';
  const input = `${encode({ alg: 'HS256', typ, kid: publicKey.kid })}.${encode(claims())}`;
  const pem = createPublicKey({ key: { ...publicKey }, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  });
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
}

/** The cases that every route must refuse, for the tokens of an issuer. */
export const tokenCases: Readonly<Record<TokenKind, readonly TokenCase[]>> = {
  entra: [
    ...shared(),
    bearer('of another issuer', general, ({ sign }) =>
      sign({ iss: `https://login.evil.example/${tenant}/v2.0` }),
    ),
    bearer('whose issuer is of another tenant', general, ({ sign, claims }) =>
      sign({ iss: String(claims()['iss']).replace(tenant, secondTenant) }),
    ),
    bearer('of version 1', general, ({ sign }) =>
      sign({ ver: '1.0', iss: `https://sts.windows.net/${tenant}/` }),
    ),
    {
      ...bearer('of an app without a role', '', ({ sign }) =>
        sign({ idtyp: 'app', scp: undefined, roles: undefined }),
      ),
      ...withoutRole,
    },
    bearer(
      'for another application',
      'The access token was issued for another application or another endpoint.',
      ({ sign }) => sign({ aud: '0f8fad5b-d9cb-469f-a165-70867728950e' }),
    ),
  ],
  gateway: [
    ...shared(),
    bearer('of another issuer', general, ({ sign }) => sign({ iss: 'https://evil.example' })),
    bearer('whose issuer is that of a tenant of Entra', general, ({ sign }) =>
      sign({ iss: `https://login.example/${tenant}/v2.0` }),
    ),
    bearer('that is no access token by its type', general, ({ sign }) => sign({}, { typ: 'JWT' })),
    bearer('of an app, which the gateway never issues', general, ({ sign }) =>
      sign({ idtyp: 'app', scp: undefined, roles: undefined }),
    ),
    bearer(
      'for another endpoint',
      'The access token was issued for another application or another endpoint.',
      ({ sign, resource }) => sign({ aud: `${resource}/other` }),
    ),
  ],
};

/** The cases that are the same for both issuers. */
function shared(): readonly TokenCase[] {
  return [
    { name: 'that is missing', send: () => undefined, status: 401 },
    bearer('that is malformed', general, () => 'a.b'),
    bearer('that has expired', 'The access token has expired: get a new one.', ({ sign, seconds }) =>
      sign({ exp: seconds - 61 }),
    ),
    bearer('with "alg": "none"', general, async ({ sign }) => {
      const [, payload = '', signature = ''] = (await sign()).split('.');
      return `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`;
    }),
    bearer('with HS256 over the public key', general, signWithPublicKey),
    bearer('of an unknown key', general, ({ sign }) => sign({}, { kid: 'unknown' })),
    bearer('without an end', general, ({ sign }) => sign({ exp: undefined })),
    bearer('with a list of audiences', general, ({ sign, claims }) => sign({ aud: [claims()['aud']] })),
    bearer('of a tenant that may not sign in', general, ({ sign, claims }) =>
      sign({ tid: strangeTenant, iss: String(claims()['iss']).replace(tenant, strangeTenant) }),
    ),
    {
      ...bearer('without the scope', 'The access token lacks the scope mcp.access.', ({ sign }) =>
        sign({ scp: 'profile' }),
      ),
      status: 403,
      code: 'insufficient_scope',
    },
    { ...bearer('without a role', '', ({ sign }) => sign({ roles: ['Admin'] })), ...withoutRole },
    bearer(
      'of a user whose access was revoked',
      'An administrator of your tenant has revoked this access to the gateway.',
      ({ sign }) => sign({ oid: revokedUser }),
    ),
  ];
}
