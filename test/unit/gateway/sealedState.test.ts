import { expect, test } from 'vitest';
import { createClientSessions } from '../../../shared/gateway/session/clientSessions.ts';
import { createQuestions } from '../../../shared/gateway/session/serverRequests.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import type { StateStore } from '../../../shared/platform/state/stateStore.ts';
import { principal } from '../../support/gateway.ts';
import { memoryState } from '../../support/memoryState.ts';
import { testSeal } from '../../support/seal.ts';

/** A state that shows what was written to it. */
function watched(): { readonly state: StateStore; readonly written: string[] } {
  const kept = memoryState();
  const written: string[] = [];
  const state: StateStore = {
    ...kept,
    set: (key, value, ttlMs) => {
      written.push(value);
      return kept.set(key, value, ttlMs);
    },
    compareAndSet: (key, expected, value, ttlMs) => {
      written.push(value);
      return kept.compareAndSet(key, expected, value, ttlMs);
    },
  };
  return { state, written };
}

test('sessions with servers are kept sealed, and every instance reads them', async () => {
  const { state, written } = watched();
  const make = () => createClientSessions({ state, clock: systemClock, newId: randomId, seal: testSeal });
  const owner = principal();
  const token = make().open(owner, 'mcp', { capabilities: {}, clientInfo: undefined });
  const session = await make().find(owner, 'mcp', token);
  const upstream = new Map([['inventory', { id: 'canary-session', version: '2025-11-25', target: 'x' }]]);
  await session?.change((now) => ({ ...now, upstream }));
  expect((await (await make().find(owner, 'mcp', token))?.shared())?.upstream).toEqual(upstream);
  expect(written).not.toEqual([]);
  expect(written.join()).not.toContain('canary');
});

test('what a person answers is kept sealed until the call on another instance takes it', async () => {
  const { state, written } = watched();
  const waiting = createQuestions({ state, seal: testSeal }).wait(AbortSignal.timeout(10_000));
  const outcome = { result: { action: 'accept', content: { pin: 'canary-pin' } } };
  expect(await createQuestions({ state, seal: testSeal }).answer(waiting.ticket, outcome)).toBe('taken');
  expect(await waiting.answer).toEqual(outcome);
  expect(written).toHaveLength(1);
  expect(written.join()).not.toContain('canary');
});

test('a question has an id of its own each time, whatever its server calls it', async () => {
  const { state } = watched();
  const sessions = createClientSessions({ state, clock: systemClock, newId: randomId, seal: testSeal });
  const owner = principal();
  const token = sessions.open(owner, 'mcp', { capabilities: {}, clientInfo: undefined });
  const client = await sessions.find(owner, 'mcp', token);
  if (!client) throw new Error('the session was just opened');
  const questions = createQuestions({ state, seal: testSeal });
  const question = {
    slug: 's',
    id: 0,
    replyTo: { kind: 'session', session: undefined, version: '1' },
  } as const;
  const ids = [1, 2].map(() => questions.idFor(owner, client, question));
  expect(new Set(ids).size).toBe(2);
  expect(questions.targetOf(owner, client, ids[1] ?? '')).toMatchObject({ slug: 's', id: 0 });
});
