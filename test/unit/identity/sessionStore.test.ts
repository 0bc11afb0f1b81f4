import { beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../../../shared/identity/access/actor.ts';
import { createSessionStore, type SessionStore } from '../../../shared/identity/sessions/sessionStore.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { azureTableStateStore } from '../../../shared/platform/state/azureTableStateStore.ts';
import type { StateStore } from '../../../shared/platform/state/stateStore.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { testSeal } from '../../support/seal.ts';

const minuteMs = 60_000;
const begin = Date.UTC(2026, 0, 1);

let now: number;
let state: StateStore;
let durable: StateStore;
let ttls: Map<string, number>;
let sessions: SessionStore;
let away: ((call: string) => boolean) | undefined;
beforeEach(() => {
  now = begin;
  ttls = new Map();
  away = undefined;
  const clock = { now: () => new Date(now) };
  const kept = azureTableStateStore(memoryTables(), clock).state;
  durable = azureTableStateStore(memoryTables(), clock).state;
  const reach = (call: string) => {
    if (away?.(call)) throw new InfrastructureError('redis', call, undefined);
  };
  state = {
    ...kept,
    get: async (key) => {
      reach(`get ${key}`);
      return kept.get(key);
    },
    set: async (key, value, ttlMs) => {
      reach(`set ${key}`);
      ttls.set(key, ttlMs);
      await kept.set(key, value, ttlMs);
    },
    delete: async (key) => {
      reach(`delete ${key}`);
      return kept.delete(key);
    },
  };
  sessions = createSessionStore({
    state,
    durable,
    clock,
    newId: randomId,
    app: 'management',
    seal: testSeal,
  });
});

const alice = (more: Partial<Actor> = {}): Actor => ({
  tenantId: 'contoso',
  userId: 'alice',
  kind: 'user',
  clientId: 'cli',
  roles: ['Operator', 'Auditor'],
  expiresAt: begin + 90 * minuteMs,
  ...more,
});
const at = (ms: number) => new Date(ms).toISOString();

describe('a session', () => {
  test('keeps its token sealed, for itself alone', async () => {
    const [one, other] = [
      await sessions.open(alice(), 'a.canary.c'),
      await sessions.open(alice(), 'a.other.c'),
    ];
    const kept = (await state.get(`mreg:auth:${one.id}`)) ?? '';
    expect(kept).toContain('sealedToken');
    expect(kept).not.toContain('canary');
    await state.set(`mreg:auth:${other.id}`, kept, minuteMs);
    expect(await sessions.token('contoso', one.id)).toBe('a.canary.c');
    expect(await sessions.token('contoso', other.id)).toBeUndefined();
  });

  test('whose token was kept in plain text by an earlier build has no token, and goes on without it', async () => {
    const { id } = await sessions.open(alice());
    const kept = JSON.parse((await state.get(`mreg:auth:${id}`)) ?? '{}') as object;
    await state.set(`mreg:auth:${id}`, JSON.stringify({ ...kept, token: 'a.canary.c' }), minuteMs);
    expect(await sessions.token('contoso', id)).toBeUndefined();
    expect(await sessions.authContext('contoso', id)).toMatchObject({ actor: { userId: 'alice' } });
  });

  test('keeps the token only where it is given, apart from what is shown of it, and for its own tenant', async () => {
    const [without, withToken] = [await sessions.open(alice()), await sessions.open(alice(), 'a.b.c')];
    expect(await sessions.token('contoso', without.id)).toBeUndefined();
    expect(await sessions.token('contoso', withToken.id)).toBe('a.b.c');
    expect(await sessions.token('fabrikam', withToken.id)).toBeUndefined();
    expect(JSON.stringify([withToken, await sessions.authContext('contoso', withToken.id)])).not.toContain(
      'a.b.c',
    );
    await sessions.end('contoso', withToken.id);
    expect(await sessions.token('contoso', withToken.id)).toBeUndefined();
  });

  test('says who began it and where, and what they may do', async () => {
    const opener = alice({ kind: 'app' });
    const session = await sessions.open(opener);
    const ends = at(begin + 60 * minuteMs);
    expect(session).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      actor: opener,
      createdAt: at(begin),
      expiresAt: ends,
    });
    expect(await sessions.find('contoso', session.id)).toEqual(session);
    expect(await sessions.authContext('contoso', session.id)).toEqual({
      actor: opener,
      expiresAt: ends,
      serverContext: { app: 'management', createdAt: at(begin) },
    });
  });

  test('is kept under the two agreed keys', async () => {
    const { id } = await sessions.open(alice());
    expect([...ttls.keys()].sort()).toEqual([`mreg:auth:${id}`, `mreg:session:${id}`]);
  });

  test.each([
    [90 * minuteMs, 60 * minuteMs, 'an hour where the token is good for longer'],
    [7 * minuteMs, 7 * minuteMs, 'as long as the token where that is less'],
    [1_500.5, 1_500, 'whole milliseconds'],
  ])('with a token good for %i ms lasts %i ms: %s', async (tokenMs, sessionMs) => {
    const { id, expiresAt } = await sessions.open(alice({ expiresAt: begin + tokenMs }));
    expect(expiresAt).toBe(at(begin + sessionMs));
    expect([...ttls.values()]).toEqual([sessionMs, sessionMs]);
    now = begin + sessionMs - 1;
    expect(await sessions.authContext('contoso', id)).toBeDefined();
    now = begin + sessionMs;
    expect(await sessions.authContext('contoso', id)).toBeUndefined();
    expect(await sessions.find('contoso', id)).toBeUndefined();
    expect(await sessions.end('contoso', id)).toBe('absent');
  });

  test('is over by the clock of whoever asks, even while the store still has it', async () => {
    const { id } = await sessions.open(alice({ expiresAt: begin + minuteMs }));
    const ahead = { now: () => new Date(now + 2 * minuteMs) };
    const other = createSessionStore({
      state,
      durable,
      clock: ahead,
      newId: randomId,
      app: 'mcp',
      seal: testSeal,
    });
    expect(await other.authContext('contoso', id)).toBeUndefined();
    expect(await other.find('contoso', id)).toBeUndefined();
  });

  test.each([0, -1, -59_999])('of a token that ended %i ms from now is over and not kept', async (leftMs) => {
    const { id, expiresAt } = await sessions.open(alice({ expiresAt: begin + leftMs }));
    expect(expiresAt).toBe(at(begin + leftMs));
    expect(ttls.size).toBe(0);
    expect(await sessions.authContext('contoso', id)).toBeUndefined();
  });

  test("of another tenant is absent, and cannot be ended by one's own", async () => {
    const { id } = await sessions.open(alice());
    expect(await sessions.find('fabrikam', id)).toBeUndefined();
    expect(await sessions.authContext('fabrikam', id)).toBeUndefined();
    expect(await sessions.end('fabrikam', id)).toBe('absent');
    expect(await sessions.find('contoso', id)).toBeDefined();
  });

  test('that was ended is gone with all that it allowed', async () => {
    const { id } = await sessions.open(alice());
    const other = await sessions.open(alice());
    expect(await sessions.end('contoso', id)).toBe('ended');
    expect(await sessions.find('contoso', id)).toBeUndefined();
    expect(await sessions.authContext('contoso', id)).toBeUndefined();
    expect(await sessions.end('contoso', id)).toBe('absent');
    expect(await sessions.find('contoso', other.id)).toBeDefined();
  });

  test("is gone with all others of its user, which leaves other users' sessions and later ones", async () => {
    const { id } = await sessions.open(alice(), 'token');
    const other = await sessions.open(alice({ userId: 'bob' }));
    const elsewhere = await sessions.open(alice({ tenantId: 'fabrikam' }));
    await sessions.endAllOf('contoso', alice().userId);
    expect(await sessions.find('contoso', id)).toBeUndefined();
    expect(await sessions.authContext('contoso', id)).toBeUndefined();
    expect(await sessions.token('contoso', id)).toBeUndefined();
    expect(await sessions.find('contoso', other.id)).toBeDefined();
    expect(await sessions.find('fabrikam', elsewhere.id)).toBeDefined();
    now += 1;
    expect(await sessions.find('contoso', (await sessions.open(alice())).id)).toBeDefined();
  });

  test('that could only half be ended allows nothing more and can be ended again', async () => {
    const { id } = await sessions.open(alice());
    away = (call) => call.startsWith('delete mreg:session');
    await expect(sessions.end('contoso', id)).rejects.toThrow(InfrastructureError);
    expect(await sessions.authContext('contoso', id)).toBeUndefined();
    away = undefined;
    expect(await sessions.end('contoso', id)).toBe('ended');
  });

  test('is never read as absent because the store is away', async () => {
    const { id } = await sessions.open(alice());
    away = () => true;
    await expect(sessions.find('contoso', id)).rejects.toThrow(InfrastructureError);
    await expect(sessions.authContext('contoso', id)).rejects.toThrow(InfrastructureError);
    await expect(sessions.open(alice())).rejects.toThrow(InfrastructureError);
  });
});

describe('what is not as the store writes it is no session', () => {
  const mallory: Actor = alice({ userId: 'mallory', roles: ['Admin'], expiresAt: begin + minuteMs });
  const good = {
    actor: mallory,
    expiresAt: at(begin + minuteMs),
    serverContext: { app: 'mcp', createdAt: at(begin) },
  };
  test('whereas this one would be', async () => {
    await state.set('mreg:auth:x', JSON.stringify(good), minuteMs);
    expect(await sessions.authContext('contoso', 'x')).toEqual(good);
  });

  test.each([
    ['no JSON', '{"tenantId":'],
    ['no object', '"contoso"'],
    ['null', 'null'],
    ['no tenant', JSON.stringify({ ...good, actor: { ...mallory, tenantId: undefined } })],
    [
      'a role that there is not',
      JSON.stringify({ ...good, actor: { ...mallory, roles: ['Admin', 'Root'] } }),
    ],
    ['no end', JSON.stringify({ ...good, expiresAt: undefined })],
    ['an end that is no moment', JSON.stringify({ ...good, expiresAt: 'never' })],
    ['an app that there is not', JSON.stringify({ ...good, serverContext: { app: 'x', createdAt: at(0) } })],
  ])('%s', async (_, text) => {
    await state.set('mreg:auth:x', text, minuteMs);
    await state.set('mreg:session:x', text, minuteMs);
    expect(await sessions.authContext('contoso', 'x')).toBeUndefined();
    expect(await sessions.find('contoso', 'x')).toBeUndefined();
    expect(await sessions.end('contoso', 'x')).toBe('absent');
  });

  test.each(['', 'a b', '../x', 'x'.repeat(600), '\ud800', 'é'])(
    'an id %j is not even looked up',
    async (id) => {
      away = () => true;
      expect(await sessions.find('contoso', id)).toBeUndefined();
      expect(await sessions.authContext('contoso', id)).toBeUndefined();
      expect(await sessions.end('contoso', id)).toBe('absent');
    },
  );
});

describe('rows of earlier versions, which named the owner field by field,', () => {
  const expiresAt = at(begin + minuteMs);
  const owner = { tenantId: 'contoso', userId: 'alice' };
  const rights = {
    ...owner,
    roles: ['Operator'],
    expiresAt,
    serverContext: { app: 'mcp', createdAt: at(begin) },
  };
  beforeEach(async () => {
    const session = { id: 'x', ...owner, clientId: 'cli', createdAt: at(begin), expiresAt };
    const sealedToken = testSeal.close('token', ['contoso', 'alice', 'x'], 'the-token');
    await state.set('mreg:session:x', JSON.stringify(session), minuteMs);
    await state.set('mreg:auth:x', JSON.stringify({ ...rights, sealedToken }), minuteMs);
  });

  test('are read as sessions of that owner', async () => {
    expect(await sessions.find('contoso', 'x')).toEqual({
      id: 'x',
      actor: { ...owner, kind: 'user', clientId: 'cli', roles: [], expiresAt: begin + minuteMs },
      createdAt: at(begin),
      expiresAt,
    });
    expect(await sessions.authContext('contoso', 'x')).toMatchObject({
      actor: { ...owner, roles: ['Operator'] },
      serverContext: rights.serverContext,
    });
    expect(await sessions.token('contoso', 'x')).toBe('the-token');
    expect(await sessions.end('contoso', 'x')).toBe('ended');
  });

  test('are absent to every other tenant', async () => {
    expect(await sessions.find('fabrikam', 'x')).toBeUndefined();
    expect(await sessions.authContext('fabrikam', 'x')).toBeUndefined();
    expect(await sessions.token('fabrikam', 'x')).toBeUndefined();
  });

  test.each([
    ['without a tenant', { ...rights, tenantId: undefined }],
    ['with an unknown role', { ...rights, roles: ['Root'] }],
    ['without an end', { ...rights, expiresAt: undefined }],
  ])('%s are no sessions', async (_, row) => {
    await state.set('mreg:auth:x', JSON.stringify(row), minuteMs);
    expect(await sessions.authContext('contoso', 'x')).toBeUndefined();
  });
});
