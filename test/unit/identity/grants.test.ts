import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Actor } from '../../../shared/identity/access/actor.ts';
import { azureTableGrantStore } from '../../../shared/identity/broker/azureTableGrantStore.ts';
import { createCodes } from '../../../shared/identity/broker/codes.ts';
import type { Grant } from '../../../shared/identity/broker/grant.ts';
import { createGrants } from '../../../shared/identity/broker/grants.ts';
import { closeRefreshToken } from '../../../shared/identity/broker/refreshTokens.ts';
import type { EntraSignIn, EntraTokens } from '../../../shared/identity/credentials/entraSignIn.ts';
import { GRANT_MS, REFRESH_GRACE_MS } from '../../../shared/identity/limits.ts';
import { randomId, randomSecret } from '../../../shared/platform/base/ids.ts';
import { fail, type Result, succeed } from '../../../shared/platform/base/result.ts';
import { memoryState } from '../../support/memoryState.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { testSeal } from '../../support/seal.ts';

const alice: Actor = {
  tenantId: 'contoso',
  userId: 'alice',
  name: 'Alice',
  kind: 'user',
  clientId: 'gateway',
  roles: ['User'],
  expiresAt: 0,
};
const request = {
  clientId: 'an-app',
  clientName: 'An app',
  redirectUri: 'http://127.0.0.1/callback',
  resource: 'https://mcp.contoso.com/mcp',
  scopes: ['mcp.access'],
  codeChallenge: createHash('sha256').update('v'.repeat(43)).digest('base64url'),
};

/** Entra as these tests need it: it rotates its refresh token each time, and counts. */
function world() {
  let now = Date.UTC(2026, 0, 1);
  let isRevoked = false;
  let refusal: Result<EntraTokens> | undefined;
  const asked: string[] = [];
  const roles: Actor['roles'][] = [];
  const tokensOf = (n: number): EntraTokens => ({
    accessToken: `entra-access-${n}`,
    refreshToken: `entra-refresh-${n}`,
    actor: { ...alice, roles: roles.at(-1) ?? alice.roles },
  });
  const unused = () => Promise.reject(new Error('not used here'));
  const entra: EntraSignIn = {
    begin: unused,
    redeem: unused,
    refresh: (_tenant, token) => {
      asked.push(token);
      return Promise.resolve(refusal ?? succeed(tokensOf(asked.length)));
    },
  };
  const clock = { now: () => new Date(now) };
  const state = memoryState(clock);
  const rows: Grant[] = [];
  const tables = memoryTables();
  const store = azureTableGrantStore(tables);
  const watched: typeof store = {
    ...store,
    add: (grant) => (rows.push(grant), store.add(grant)),
    replace: (grant, etag) => (rows.push(grant), store.replace(grant, etag)),
  };
  const grants = createGrants({
    store: watched,
    entra,
    state,
    seal: testSeal,
    clock,
    newId: randomId,
    isRevoked: () => Promise.resolve(isRevoked),
  });
  return {
    grants,
    store,
    asked,
    rows,
    codes: createCodes({ state, newSecret: randomSecret, grants }),
    advance: (ms: number) => void (now += ms),
    revoke: () => void (isRevoked = true),
    entraAnswers: (answer: Result<EntraTokens> | undefined) => void (refusal = answer),
    promote: () => void roles.push(['Admin']),
    /** Signs Alice in as far as her first refresh token. */
    signIn: async () => {
      const grant = await grants.begin({ ...tokensOf(0), actor: alice }, request);
      const active = await grants.activate(grant);
      if (!active.ok) throw new Error(active.error.message);
      return { grant: active.value, token: closeRefreshToken(testSeal, active.value) };
    },
  };
}

const reasonOf = (result: Result<unknown>) => (result.ok ? undefined : result.error.members?.['reason']);
const nextToken = (result: Result<Grant>) =>
  result.ok ? closeRefreshToken(testSeal, result.value) : 'refused';

describe('a refresh token', () => {
  test('is exchanged for the next one, with the roles that Entra names now', async () => {
    const { grants, signIn, promote, asked } = world();
    const { token } = await signIn();
    promote();
    const second = await grants.refresh(token, 'an-app');
    expect(second).toMatchObject({ ok: true, value: { roles: ['Admin'], generation: 2 } });
    const third = await grants.refresh(nextToken(second), 'an-app');
    expect(third.ok).toBe(true);
    expect(asked).toEqual(['entra-refresh-0', 'entra-refresh-1']);
    expect(nextToken(third)).not.toBe(nextToken(second));
  });

  test('stands for a lost answer for ten seconds, and gives the same answer without asking Entra', async () => {
    const { grants, signIn, advance, asked } = world();
    const { token } = await signIn();
    const answers = await Promise.all([grants.refresh(token, 'an-app'), grants.refresh(token, 'an-app')]);
    advance(REFRESH_GRACE_MS);
    answers.push(await grants.refresh(token, 'an-app'));
    expect(new Set(answers.map(nextToken)).size).toBe(1);
    expect(asked).toHaveLength(1);
  });

  test('that is used again later ends the family: the thief and the owner are both out', async () => {
    const { grants, signIn, advance } = world();
    const { token } = await signIn();
    const second = await grants.refresh(token, 'an-app');
    advance(REFRESH_GRACE_MS + 1);
    expect(reasonOf(await grants.refresh(token, 'an-app'))).toBe('refresh_token_reused');
    expect(reasonOf(await grants.refresh(nextToken(second), 'an-app'))).toBe('grant_ended');
  });

  test('of two generations ago ends the family at once', async () => {
    const { grants, signIn } = world();
    const { token } = await signIn();
    const second = await grants.refresh(token, 'an-app');
    await grants.refresh(nextToken(second), 'an-app');
    expect(reasonOf(await grants.refresh(token, 'an-app'))).toBe('refresh_token_reused');
  });

  test('is refused to another client, and the family ends', async () => {
    const { grants, signIn } = world();
    const { token } = await signIn();
    expect(reasonOf(await grants.refresh(token, 'another'))).toBe('refresh_token_of_another_client');
    expect(reasonOf(await grants.refresh(token, 'an-app'))).toBe('grant_ended');
  });

  test('is not good for another endpoint, and lives on', async () => {
    const { grants, signIn } = world();
    const { token } = await signIn();
    const other = await grants.refresh(token, 'an-app', 'https://mcp.contoso.com/servers/x/mcp');
    expect(other).toMatchObject({ error: { members: { error: 'invalid_target' } } });
    expect((await grants.refresh(token, 'an-app', request.resource)).ok).toBe(true);
  });

  test('lasts 90 days at most, however often it was refreshed', async () => {
    const { grants, signIn, advance } = world();
    const { token } = await signIn();
    advance(GRANT_MS - 1);
    const last = await grants.refresh(token, 'an-app');
    expect(last.ok).toBe(true);
    advance(1);
    expect(reasonOf(await grants.refresh(nextToken(last), 'an-app'))).toBe('grant_ended');
  });

  test('ends where Entra refuses the person, and loses nothing where Entra does not answer', async () => {
    const { grants, signIn, entraAnswers } = world();
    const { token } = await signIn();
    entraAnswers(fail({ kind: 'unavailable', message: 'away' }));
    expect(await grants.refresh(token, 'an-app')).toMatchObject({ error: { kind: 'unavailable' } });
    entraAnswers(undefined);
    const second = await grants.refresh(token, 'an-app');
    expect(second.ok).toBe(true);
    entraAnswers(fail({ kind: 'unauthenticated', message: 'disabled' }));
    expect(reasonOf(await grants.refresh(nextToken(second), 'an-app'))).toBe('entra_refused');
    entraAnswers(undefined);
    expect(reasonOf(await grants.refresh(nextToken(second), 'an-app'))).toBe('grant_ended');
  });

  test('ends where an administrator revoked the user or the client', async () => {
    const { grants, signIn, revoke, asked } = world();
    const { token } = await signIn();
    revoke();
    expect(reasonOf(await grants.refresh(token, 'an-app'))).toBe('revoked');
    expect(asked).toEqual([]);
  });

  test.each(['', 'x', 'abcdefgh.AAAA', randomBytes(64).toString('base64url')])(
    'that the gateway did not make is unknown: %s',
    async (text) => {
      expect(reasonOf(await world().grants.refresh(text, 'an-app'))).toBe('refresh_token_unknown');
    },
  );
});

test('no row of a grant holds a token that can be read', async () => {
  const { grants, signIn, rows } = world();
  const { token } = await signIn();
  await grants.refresh(token, 'an-app');
  expect(rows.length).toBeGreaterThan(2);
  expect(JSON.stringify(rows)).not.toMatch(/entra-(access|refresh)/);
  expect(JSON.stringify(rows)).not.toContain(token);
});

test('a grant whose code was never exchanged ends by itself, and is purged', async () => {
  const { grants, store, advance } = world();
  const { tenantId, userId, id } = await grants.begin(
    { accessToken: 'a', refreshToken: 'r', actor: alice },
    request,
  );
  advance(121_000);
  expect((await grants.activate({ tenantId, userId, id })).ok).toBe(false);
  await grants.purge(new Date(Date.UTC(2026, 0, 1) + 121_000));
  expect(await store.find({ tenantId, userId, id })).toBeUndefined();
});

test('the grants of a person end together, or those of one client', async () => {
  const { grants, signIn } = world();
  const [first, second] = [await signIn(), await signIn()];
  await grants.endAllOf('contoso', 'alice', 'another');
  expect((await grants.refresh(first.token, 'an-app')).ok).toBe(true);
  await grants.endAllOf('contoso', 'alice');
  expect(reasonOf(await grants.refresh(second.token, 'an-app'))).toBe('grant_ended');
});

test('of many uses of one code at once, one gets the grant, which the others end', async () => {
  const { grants, codes, signIn } = world();
  const { grant, token } = await signIn();
  const code = await codes.issue(grant, request);
  const use = {
    code,
    clientId: 'an-app',
    redirectUri: undefined,
    codeVerifier: 'v'.repeat(43),
    resource: undefined,
  };
  const uses = await Promise.all(Array.from({ length: 5 }, () => codes.redeem(use)));
  expect(uses.filter(({ ok }) => ok)).toHaveLength(1);
  expect(reasonOf(await grants.refresh(token, 'an-app'))).toBe('grant_ended');
});

test('a code is valid for a minute', async () => {
  const { codes, signIn, advance } = world();
  const code = await codes.issue((await signIn()).grant, request);
  advance(60_001);
  const use = { code, clientId: 'an-app', redirectUri: undefined, resource: undefined };
  expect(reasonOf(await codes.redeem({ ...use, codeVerifier: 'v'.repeat(43) }))).toBe('code_unknown');
});
