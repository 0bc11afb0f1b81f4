import { UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import { exchangeForGrants } from '../../../shared/identity/broker/entraTokens.ts';
import type { GrantName } from '../../../shared/identity/broker/grant.ts';
import { refused } from '../../../shared/identity/broker/signInRefusal.ts';
import type { EntraTokens } from '../../../shared/identity/credentials/entraSignIn.ts';
import { type Result, succeed } from '../../../shared/platform/base/result.ts';

const issuer = 'https://mcp.contoso.com';
const grant: GrantName = { tenantId: 'contoso', userId: 'alice', id: 'g1' };
const tokenOf = (iss: string): string =>
  new UnsecuredJWT({ iss, tid: grant.tenantId, oid: grant.userId, gid: grant.id, client_id: 'app' }).encode();
const person: Result<EntraTokens> = succeed({
  accessToken: 'of-entra',
  refreshToken: 'r',
  actor: { tenantId: 'contoso', userId: 'alice', kind: 'user', clientId: 'c', roles: [], expiresAt: 0 },
});

/** What Entra is asked to exchange, and for which grants. */
function exchanging(answer = person) {
  const exchanged: string[] = [];
  const asked: GrantName[] = [];
  const exchange = exchangeForGrants(
    ({ token }) => (exchanged.push(token), Promise.resolve(succeed({ token: 'for-the-api', expiresAt: 1 }))),
    { entraToken: (name) => (asked.push(name), Promise.resolve(answer)) },
    issuer,
  );
  const ask = (token: string) => exchange({ tenantId: 'contoso', token, scope: 'api://stock/.default' });
  return { exchanged, asked, ask };
}

test("a token of the gateway's own never reaches Entra: the token of its grant is exchanged", async () => {
  const { ask, asked, exchanged } = exchanging();
  expect(await ask(tokenOf(issuer))).toMatchObject({ value: { token: 'for-the-api' } });
  expect(asked).toMatchObject([grant]);
  expect(exchanged).toEqual(['of-entra']);
});

test('a token of Entra is exchanged as it is', async () => {
  const { ask, asked, exchanged } = exchanging();
  const token = tokenOf('https://login.microsoftonline.com/contoso/v2.0');
  await ask(token);
  expect(asked).toEqual([]);
  expect(exchanged).toEqual([token]);
});

test('a grant that has ended signs nobody in, and an outage is one', async () => {
  const ended = exchanging(refused('invalid_grant', 'grant_ended', 'ended'));
  expect(await ended.ask(tokenOf(issuer))).toMatchObject({ error: { kind: 'unauthenticated' } });
  const away = exchanging(refused('temporarily_unavailable', 'entra_unavailable', 'away'));
  expect(await away.ask(tokenOf(issuer))).toMatchObject({ error: { kind: 'unavailable' } });
  expect([...ended.exchanged, ...away.exchanged]).toEqual([]);
});
