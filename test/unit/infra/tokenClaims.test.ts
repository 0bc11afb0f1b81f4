import { expect, test } from 'vitest';
import { apiClientId, defaultTenant, defaultUser } from '../../../infra/local/defaults.ts';
import { type MintRequest, mintRequestSchema, tokenClaims } from '../../../infra/local/issuer/claims.ts';

const made = (request: MintRequest) =>
  tokenClaims(mintRequestSchema.parse(request), {
    origin: 'http://127.0.0.1:8002',
    now: new Date('2026-11-22T10:00:00.900Z'),
    tokenId: 'unique',
  });
const now = Date.UTC(2026, 10, 22, 10) / 1_000;

test('a user has the claims of an Entra v2 access token', () => {
  const claims = made({ role: 'Admin' });
  expect(claims).toMatchObject({
    ver: '2.0',
    iss: `http://127.0.0.1:8002/${defaultTenant}/v2.0`,
    aud: apiClientId,
    tid: defaultTenant,
    oid: defaultUser,
    scp: 'mcp.access',
    roles: ['Gateway.Admin'],
    azpacr: '0',
    uti: 'unique',
    iat: now,
    nbf: now,
    exp: now + 3_600,
  });
  expect(Object.keys(claims)).toEqual(
    expect.arrayContaining(['sub', 'azp', 'rh', 'name', 'preferred_username']),
  );
  expect(claims).not.toHaveProperty('idtyp');
});

test('an app has no scope and no user, and says that it is one', () => {
  const claims = made({ kind: 'app', role: 'User' });
  expect(claims).toMatchObject({ idtyp: 'app', azpacr: '1', sub: defaultUser });
  for (const claim of ['scp', 'name', 'preferred_username']) expect(claims).not.toHaveProperty(claim);
});

test('without a role the claim is left out, as Entra does', () => {
  expect(made({})).not.toHaveProperty('roles');
});

test('who the token is for does not depend on how a GUID is written', () => {
  expect(made({ user: defaultUser.toUpperCase() }).oid).toBe(defaultUser);
});
