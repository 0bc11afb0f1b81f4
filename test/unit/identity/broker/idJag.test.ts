import { beforeAll, describe, expect, test } from 'vitest';
import type { OAuthClient } from '../../../../shared/identity/broker/client.ts';
import { createIdJagGrant } from '../../../../shared/identity/broker/idJag.ts';
import { createAssertionVerifier } from '../../../../shared/identity/broker/signedAssertion.ts';
import { InfrastructureError } from '../../../../shared/platform/base/errors.ts';
import { type AssertionIssuer, assertionIssuer, unsigned } from '../../../support/assertions.ts';
import { memoryState } from '../../../support/memoryState.ts';
import { outboundStub, type StubAnswer } from '../../../support/outboundStub.ts';

const publicOrigin = 'https://mcp.contoso.com';
const idp = 'https://acme.okta.com';
const tenant = '11111111-1111-4111-8111-111111111111';
const client: OAuthClient = { id: 'agent', kind: 'preset', name: 'Agent', redirectUris: [], secretHash: 'x' };
const now = new Date('2026-11-30T12:00:00Z');
const at = (seconds: number): number => now.getTime() / 1_000 + seconds;

let provider: AssertionIssuer;
beforeAll(async () => {
  provider = await assertionIssuer('RS256');
});

function opened({ isRevoked = false, keys }: { isRevoked?: boolean; keys?: StubAnswer } = {}) {
  const outbound = outboundStub(() => keys ?? { body: JSON.stringify(provider.jwks) });
  const grant = createIdJagGrant({
    config: {
      publicOrigin,
      managementOrigin: 'https://management.contoso.com',
      grantIssuers: { [idp]: { tenant, jwksUri: `${idp}/keys`, roles: ['Operator', 'User'] } },
    },
    verify: createAssertionVerifier({ outbound, state: memoryState(), clock: { now: () => now } }),
    isRevoked: () => Promise.resolve(isRevoked),
    newId: () => 'grant',
  });
  const ask = async (assertion: string, more: Record<string, string> = {}, by: OAuthClient = client) => {
    const result = await grant({ assertion, ...more }, by);
    return result.ok ? result.value : String(result.error.members?.['error']);
  };
  return { ask, outbound };
}

const claims = (more: Record<string, unknown> = {}) => ({
  iss: idp,
  sub: 'U019488227',
  aud: publicOrigin,
  client_id: 'agent',
  jti: '9e43f81b',
  iat: at(-10),
  exp: at(290),
  name: 'Ada',
  ...more,
});
const header = { typ: 'oauth-id-jag+jwt' };
const signed = (more: Record<string, unknown> = {}, typ = header.typ) => provider.sign(claims(more), { typ });

describe('an identity assertion', () => {
  test('names a person of the tenant of its issuer, with the roles of the settings', async () => {
    const { ask } = opened();
    const subject = await ask(await signed());
    expect(subject).toEqual({
      actor: {
        tenantId: tenant,
        userId: '212d2479-67e6-884e-8882-2534dc8f7c2a',
        name: 'Ada',
        clientId: 'agent',
        roles: ['Operator', 'User'],
        grantId: 'grant',
      },
      resource: `${publicOrigin}/mcp`,
      scopes: ['mcp.access'],
    });
    expect(await ask(await signed({ jti: '2', name: 'Ada B.' }))).toMatchObject({
      actor: { userId: (subject as { actor: { userId: string } }).actor.userId },
    });
    expect(await ask(await signed({ jti: '3', sub: 'other' }))).not.toMatchObject({
      actor: { userId: (subject as { actor: { userId: string } }).actor.userId },
    });
  });

  test('is good once', async () => {
    const { ask } = opened();
    const assertion = await signed();
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(assertion)));
    expect(answers.filter((answer) => answer === 'invalid_grant')).toHaveLength(4);
  });

  const server = `${publicOrigin}/servers/crm/mcp`;
  test.each<[Record<string, unknown>, string | undefined, string]>([
    [{ resource: server }, undefined, server],
    [{ resource: server }, server, server],
    [{ resource: [server, `${publicOrigin}/mcp`] }, server, server],
    [{ resource: [server] }, undefined, server],
    [{}, server, server],
    [{ scope: 'mcp.access other' }, undefined, `${publicOrigin}/mcp`],
    [{ scope: `${publicOrigin}/mcp/mcp.access` }, undefined, `${publicOrigin}/mcp`],
    [{}, `${publicOrigin}/mcp?tenant=${tenant}`, `${publicOrigin}/mcp?tenant=${tenant}`],
  ])('with %o, asked for %s, is for %s', async (more, resource, expected) => {
    const answer = await opened().ask(await signed(more), resource === undefined ? {} : { resource });
    expect(answer).toMatchObject({ resource: expected });
  });

  test.each<[string, Record<string, unknown>, string?]>([
    ['invalid_target', { resource: server }, `${publicOrigin}/mcp`],
    ['invalid_target', { resource: [server, `${publicOrigin}/mcp`] }],
    ['invalid_target', { resource: 'https://other.example/mcp' }],
    ['invalid_target', {}, 'https://other.example/mcp'],
    ['invalid_target', {}, `${publicOrigin}/mcp?tenant=22222222-2222-4222-8222-222222222222`],
    ['invalid_scope', { scope: 'other' }],
    ['invalid_scope', { scope: '' }],
    ['invalid_grant', { aud: `${publicOrigin}/` }],
    ['invalid_grant', { aud: `${publicOrigin}/oauth/token` }],
    ['invalid_grant', { aud: [publicOrigin, 'https://other.example'] }],
    ['invalid_grant', { aud: undefined }],
    ['invalid_grant', { iss: 'https://evil.example' }],
    ['invalid_grant', { iss: `${idp}/` }],
    ['invalid_grant', { iss: '__proto__' }],
    ['invalid_grant', { iss: undefined }],
    ['invalid_grant', { sub: undefined }],
    ['invalid_grant', { sub: '' }],
    ['invalid_grant', { sub: 7 }],
    ['invalid_grant', { client_id: 'other' }],
    ['invalid_grant', { client_id: undefined }],
    ['invalid_grant', { jti: undefined }],
    ['invalid_grant', { exp: undefined }],
    ['invalid_grant', { exp: at(-61) }],
    ['invalid_grant', { exp: at(7_200) }],
    ['invalid_grant', { iat: undefined }],
    ['invalid_grant', { nbf: at(120) }],
    ['invalid_grant', { iat: at(61) }],
    ['invalid_grant', { iat: 'now' }],
    ['invalid_grant', { resource: 7 }],
  ])('%s: %o, asked for %s', async (error, more, resource) => {
    expect(await opened().ask(await signed(more), resource === undefined ? {} : { resource })).toBe(error);
  });

  test.each(['JWT', 'at+jwt', 'oauth-id-jag', ''])('of the type %j is refused', async (typ) => {
    expect(await opened().ask(await signed({}, typ))).toBe('invalid_grant');
  });

  test('that nobody signed, or another, is refused', async () => {
    const { ask } = opened();
    const other = await assertionIssuer('RS256');
    const forged = [
      await other.sign(claims(), header),
      await other.sign(claims(), { ...header, kid: 'two' }),
      unsigned({ ...header, alg: 'none', kid: 'one' }, claims()),
      unsigned({ ...header, alg: 'HS256', kid: 'one' }, claims(), 'AAAA'),
      'x',
      '',
      'a.b.c',
      `${'a'.repeat(20_000)}.b.c`,
    ];
    for (const assertion of forged) expect(await ask(assertion)).toBe('invalid_grant');
    expect(await ask(await signed())).toMatchObject({ resource: `${publicOrigin}/mcp` });
  });

  test('of an unknown issuer causes no request', async () => {
    const { ask, outbound } = opened();
    await ask(await signed({ iss: 'https://evil.example' }));
    expect(outbound.requests).toHaveLength(0);
  });

  test('is for clients that prove who they are', async () => {
    const { secretHash: _, ...anybody } = client;
    expect(await opened().ask(await signed(), {}, anybody)).toBe('unauthorized_client');
  });

  test('of a person whom an administrator revoked is refused', async () => {
    expect(await opened({ isRevoked: true }).ask(await signed())).toBe('invalid_grant');
  });

  test.each<StubAnswer>(['away', { status: 500 }, { body: 'no keys' }])(
    'is not refused while the keys cannot be fetched: %o',
    async (keys) => {
      await expect(opened({ keys }).ask(await signed())).rejects.toThrow(InfrastructureError);
    },
  );
});
