import { expect, test } from 'vitest';
import { CLIENT_SESSION_MS, SESSION_FRESH_MS } from '../../../shared/gateway/protocol/limits.ts';
import { createClientSessions } from '../../../shared/gateway/session/clientSessions.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import type { Seal } from '../../../shared/platform/security/seal.ts';
import type { StateStore } from '../../../shared/platform/state/stateStore.ts';
import { actor } from '../../support/gateway.ts';
import { memoryState } from '../../support/memoryState.ts';
import { testSeal } from '../../support/seal.ts';

const hello = { capabilities: {}, clientInfo: undefined };
const owner = actor();

/** An instance, with the number of tokens and states that it has opened, and a clock that the test sets. */
function instance(state: StateStore = memoryState()) {
  let opened = 0;
  let ms = 0;
  const seal: Seal = {
    ...testSeal,
    open: (...args) => {
      opened += 1;
      return testSeal.open(...args);
    },
  };
  const clock = { now: () => new Date(ms) };
  return {
    sessions: createClientSessions({ state, clock, newId: randomId, seal }),
    opened: () => opened,
    wait: (more: number) => (ms += more),
  };
}

test('an instance opens the token of a session once', async () => {
  const { sessions, opened } = instance();
  const token = sessions.open(owner, 'mcp', hello);
  const first = await sessions.find(owner, 'mcp', token);
  expect(first).toBeDefined();
  expect(sessions.find(owner, 'mcp', token)).toBe(first);
  expect(opened()).toBe(1);
});

test.each([
  ['another tenant', { ...owner, tenantId: 'fabrikam' }, 'mcp'],
  ['another user', { ...owner, userId: 'mallory' }, 'mcp'],
  ['another client application', { ...owner, clientId: 'other' }, 'mcp'],
  ['another endpoint', owner, 'mcp/inventory'],
])('an opened token is unknown to %s', async (_who, other, endpoint) => {
  const { sessions } = instance();
  const token = sessions.open(owner, 'mcp', hello);
  expect(await sessions.find(owner, 'mcp', token)).toBeDefined();
  expect(await sessions.find(other, endpoint, token)).toBeUndefined();
  expect(await sessions.find(owner, 'mcp', token)).toBeDefined();
});

test('a session that another instance has ended is unknown once its state is read again', async () => {
  const state = memoryState();
  const [here, elsewhere] = [instance(state), instance(state)];
  const token = here.sessions.open(owner, 'mcp', hello);
  expect(await here.sessions.find(owner, 'mcp', token)).toBeDefined();
  const there = await elsewhere.sessions.find(owner, 'mcp', token);
  await there?.change((now) => ({ ...now, ended: true }));
  expect(await elsewhere.sessions.find(owner, 'mcp', token)).toBeUndefined();
  here.wait(SESSION_FRESH_MS);
  expect(await here.sessions.find(owner, 'mcp', token)).toBeUndefined();
});

test('an opened token expires', async () => {
  const { sessions, wait } = instance();
  const token = sessions.open(owner, 'mcp', hello);
  expect(await sessions.find(owner, 'mcp', token)).toBeDefined();
  wait(CLIENT_SESSION_MS);
  expect(await sessions.find(owner, 'mcp', token)).toBeUndefined();
});

test('a state that could not be read is read again', async () => {
  const kept = memoryState();
  let isDown = true;
  const get: StateStore['get'] = (key) => (isDown ? Promise.reject(new Error('down')) : kept.get(key));
  const { sessions } = instance({ ...kept, get });
  const token = sessions.open(owner, 'mcp', hello);
  await expect(sessions.find(owner, 'mcp', token)).rejects.toThrow('down');
  isDown = false;
  expect(await sessions.find(owner, 'mcp', token)).toBeDefined();
});
