import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../../shared/identity/access/actor.ts';
import { createSessionStore, type SessionStore } from '../../shared/identity/sessions/sessionStore.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import { describeWith, onPath } from '../support/requirement.ts';
import { testSeal } from '../support/seal.ts';
import { startRedisBackend, startTablesBackend, type StateBackend } from '../support/stateBackends.ts';

function suite(start: () => Promise<StateBackend>): void {
  let backend: StateBackend;
  let state: StateStore;
  /** Instances of the two apps, each with a store of its own. */
  let management: SessionStore;
  let mcp: SessionStore;

  beforeAll(async () => {
    backend = await start();
    state = backend.open();
    const clock = { now: () => new Date(backend.now()) };
    const common = { clock, newId: randomId, seal: testSeal };
    management = createSessionStore({ ...common, state, durable: state, app: 'management' });
    const other = backend.open();
    mcp = createSessionStore({ ...common, state: other, durable: other, app: 'mcp' });
  });
  afterAll(() => backend.stop());

  const alice = (leftMs: number): Actor => ({
    tenantId: 'contoso',
    userId: 'alice',
    kind: 'user',
    clientId: 'cli',
    roles: ['Admin', 'User'],
    expiresAt: backend.now() + leftMs,
  });

  test('what one app opens the other reads, and either ends it for both', async () => {
    const opener = alice(600_000);
    const session = await management.open(opener);
    expect(session.actor).toEqual(opener);
    expect(await mcp.find('contoso', session.id)).toEqual(session);
    expect(await mcp.authContext('contoso', session.id)).toEqual({
      actor: opener,
      expiresAt: session.expiresAt,
      serverContext: { app: 'management', createdAt: session.createdAt },
    });
    expect(await mcp.authContext('fabrikam', session.id)).toBeUndefined();
    expect(await mcp.end('contoso', session.id)).toBe('ended');
    expect(await management.find('contoso', session.id)).toBeUndefined();
    expect(await management.authContext('contoso', session.id)).toBeUndefined();
    expect(await management.end('contoso', session.id)).toBe('absent');
    expect(await management.wasEnded(session.id)).toBe(true);
  });

  test('the state itself forgets a session with the token behind it', async () => {
    const { id } = await management.open(alice(300));
    await backend.elapse(350);
    expect(await state.get(`mreg:session:${id}`)).toBeUndefined();
    expect(await state.get(`mreg:auth:${id}`)).toBeUndefined();
  });

  test('of many who end it at once one is told so', async () => {
    const { id } = await management.open(alice(600_000));
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, caller) => (caller % 2 ? management : mcp).end('contoso', id)),
    );
    expect(outcomes.filter((outcome) => outcome === 'ended')).toHaveLength(1);
  });
}

describe('sessions on Azure Tables', () => {
  suite(startTablesBackend);
});
describeWith(onPath('redis-server'), 'sessions on Redis', () => {
  suite(startRedisBackend);
});
