import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { revocationIdOf, type RevokedSubject } from '../../../shared/identity/access/revocation.ts';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { defineTask, type TaskHelpers } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { caller, testEngine } from '../../support/engine.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const taskOf = (run: (helpers: TaskHelpers) => Promise<unknown>) =>
  taskCatalogue([
    defineTask({
      name: 'work',
      agent: 'mcp-debugger',
      permissions: ['delegations.read'],
      description: '',
      timeoutMs: 5_000,
      input: z.object({}),
      output: z.unknown(),
      run: async (_, helpers) => succeed(await run(helpers)),
    }),
  ]);

async function ask(
  engine: ReturnType<typeof testEngine>,
  tasks: ReturnType<typeof taskOf>,
  deadline?: string,
) {
  const request = { agent: 'mcp-debugger', task: 'work', ...(deadline !== undefined && { deadline }) };
  const made = await delegate(request, caller, tasks, engine.deps);
  if (!made.ok) throw new Error(made.error.message);
  return made.value.id;
}
const stateOf = async ({ deps }: ReturnType<typeof testEngine>, id: string) =>
  (await deps.delegations.find('t1', id))?.value;

test.each([
  ['its own time', undefined, 5_000],
  ["the delegation's deadline", '2026-01-01T00:00:02Z', 2_000],
])('a task that heeds nothing fails when %s is over, and not before', async (_, deadline, ms) => {
  const engine = testEngine();
  const tasks = taskOf(() => new Promise(() => undefined));
  const id = await ask(engine, tasks, deadline);
  const drained = engine.drain(tasks);
  await vi.advanceTimersByTimeAsync(ms - 1);
  expect(await stateOf(engine, id)).toMatchObject({ state: 'running' });
  await vi.advanceTimersByTimeAsync(1);
  await drained;
  expect(await stateOf(engine, id)).toMatchObject({
    state: 'failed',
    outcome: { error: { kind: 'timeout' } },
  });
});

test('a task that has ended leaves nothing behind that waits for its time to be over', async () => {
  const engine = testEngine();
  const tasks = taskOf(() => Promise.resolve(1));
  await ask(engine, tasks);
  const before = vi.getTimerCount();
  await engine.drain(tasks);
  // What agents do is told a moment later.
  expect(vi.getTimerCount() - before).toBe(1);
});

test('a task is told its deadline, its signal, and in whose name it works', async () => {
  const engine = testEngine();
  let seen: Pick<TaskHelpers, 'deadline' | 'tenantId' | 'delegationId'> | undefined;
  let actor: TaskHelpers['actor'];
  const tasks = taskOf((helpers) => {
    seen = helpers;
    actor = helpers.actor;
    return Promise.resolve();
  });
  const id = await ask(engine, tasks);
  await engine.drain(tasks);
  expect(seen).toMatchObject({
    tenantId: 't1',
    delegationId: id,
    deadline: new Date('2026-01-01T00:00:05Z'),
  });
  expect(actor).toEqual(caller.actor);
});

const revoke = ({ deps }: ReturnType<typeof testEngine>, subject: RevokedSubject) =>
  deps.revocations.add({
    id: revocationIdOf(subject),
    tenantId: 't1',
    subject,
    createdBy: 'u2',
    createdAt: '2026-01-01T00:00:00.000Z',
  });

test.each<[string, RevokedSubject]>([
  ['user', { user: caller.actor.userId }],
  ['client', { client: caller.actor.clientId }],
])('a task that a %s asked for before the revocation does not run after it', async (_, subject) => {
  const engine = testEngine();
  let runs = 0;
  const tasks = taskOf(() => Promise.resolve((runs += 1)));
  const id = await ask(engine, tasks);
  await revoke(engine, subject);
  // Accepted work must not depend on Redis.
  engine.setStateAway(true);
  await engine.drain(tasks);
  expect(runs).toBe(0);
  expect(await stateOf(engine, id)).toMatchObject({
    state: 'failed',
    outcome: { error: { kind: 'forbidden', message: expect.stringContaining('ended the access') as string } },
  });
});
