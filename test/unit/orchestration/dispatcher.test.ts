import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { cancelDelegation } from '../../../shared/orchestration/engine/cancel.ts';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { runDelegation } from '../../../shared/orchestration/engine/runDelegation.ts';
import { sweepStuck } from '../../../shared/orchestration/engine/sweepStuck.ts';
import { MAX_IN_FLIGHT, SENT_PER_COUNT } from '../../../shared/orchestration/model/limits.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { caller, type TestEngine, testEngine } from '../../support/engine.ts';

const FLOOD = 1_000;
/** An instance may send some more before its next count. */
const AT_MOST = MAX_IN_FLIGHT + SENT_PER_COUNT;

/** An engine whose agent notes of which tenant each delegation was that it ran. */
function scene() {
  const engine = testEngine();
  const ran: string[] = [];
  const tasks = taskCatalogue([
    defineTask({
      agent: 'mcp-debugger',
      permissions: ['delegations.read'],
      name: 'note',
      description: '',
      timeoutMs: 1_000,
      input: z.unknown(),
      output: z.unknown(),
      run: (_input, { tenantId }) => {
        ran.push(tenantId);
        return Promise.resolve(succeed(null));
      },
    }),
  ]);
  const ask = async (tenantId: string, requestId?: string) => {
    const asker = {
      ...caller,
      actor: { ...caller.actor, tenantId },
      ...(requestId !== undefined && { requestId }),
    };
    const made = await delegate({ agent: 'mcp-debugger', task: 'note' }, asker, tasks, engine.deps);
    if (!made.ok) throw new Error(made.error.message);
    return made.value;
  };
  const flood = (count = FLOOD) => Promise.all(Array.from({ length: count }, () => ask('t1')));
  const states = async (tenantId: string) => {
    const { items } = await engine.deps.delegations.list(tenantId, {}, 5_000);
    return new Set(items.map(({ state }) => state));
  };
  return { engine, tasks, ran, ask, flood, states };
}
/** The next message, as an agent takes it. */
const runOne = async ({ queue, deps }: TestEngine, tasks: ReturnType<typeof scene>['tasks']) => {
  const message = queue.shift();
  if (message) await runDelegation(message.body, message.agent, tasks, deps);
};

describe("one tenant's delegations", () => {
  test('do not fill the queue: the first of another tenant waits for no more than a share of them', async () => {
    const { engine, tasks, ran, ask, flood, states } = scene();
    await flood();
    expect(engine.queue.length).toBeLessThanOrEqual(AT_MOST);
    await ask('t2');
    await engine.drain(tasks);
    expect(ran.indexOf('t2')).toBeLessThanOrEqual(AT_MOST);
    expect(ran).toHaveLength(FLOOD + 1);
    expect(await states('t1')).toEqual(new Set(['succeeded']));
  });

  test('are all run once, without the sweeper, in the order in which they were asked for', async () => {
    const { engine, tasks, flood } = scene();
    await flood(MAX_IN_FLIGHT);
    const ids: string[] = [];
    for (let n = 0; n < 50; n++) {
      engine.advance(1);
      ids.push((await flood(1))[0]?.id ?? '');
    }
    const sent: string[] = [];
    while (engine.queue.length > 0) {
      sent.push(engine.queue[0]?.messageId ?? '');
      await runOne(engine, tasks);
    }
    expect(sent).toHaveLength(MAX_IN_FLIGHT + 50);
    expect(sent.slice(MAX_IN_FLIGHT)).toEqual(ids.map((id) => `${id}:1`));
  });

  test('keep the share full as long as some wait', async () => {
    const { engine, tasks, flood } = scene();
    await flood();
    for (let n = 0; n < FLOOD - MAX_IN_FLIGHT; n++) {
      expect(engine.queue.length).toBeGreaterThanOrEqual(MAX_IN_FLIGHT - 1);
      await runOne(engine, tasks);
    }
  });

  test('that are cancelled while they wait make no room at the queue', async () => {
    const { engine, flood, states } = scene();
    const all = await flood(FLOOD);
    const before = engine.queue.length;
    const sent = new Set(engine.queue.map(({ messageId }) => messageId));
    const waiting = all.filter(({ id }) => !sent.has(`${id}:1`));
    for (const { id } of waiting) await cancelDelegation('t1', id, engine.deps);
    expect(engine.queue).toHaveLength(before);
    expect(await states('t1')).toEqual(new Set(['queued', 'cancelled']));
  });

  test('asked for again by repeated requests are not sent past the line', async () => {
    const { engine, ask } = scene();
    // As an id, each begins with a hexadecimal digit.
    for (let n = 0; n < 300; n++) await ask('t1', `a-${n}`);
    for (let n = 0; n < 300; n++) await ask('t1', `a-${n}`);
    expect((await engine.deps.delegations.list('t1', {}, 5_000)).items).toHaveLength(300);
    expect(engine.queue.length).toBeLessThanOrEqual(AT_MOST);
  });

  test('that wait are not sent again by the sweeper, which fills the share when turns were lost', async () => {
    const { engine, tasks, ran, flood, states } = scene();
    await flood();
    engine.advance(90);
    const before = new Set(engine.queue.map(({ messageId }) => messageId.split(':')[0]));
    await sweepStuck(engine.deps);
    // Those at the queue may be lost and are sent again, the others wait.
    expect(new Set(engine.queue.map(({ messageId }) => messageId.split(':')[0]))).toEqual(before);
    engine.queue.length = 0;
    for (let minutes = 0; minutes < 9; minutes++) {
      engine.advance(60);
      await sweepStuck(engine.deps);
      await engine.drain(tasks);
      if (ran.length === FLOOD) break;
    }
    expect(ran).toHaveLength(FLOOD);
    expect(await states('t1')).toEqual(new Set(['succeeded']));
  });
});

test('a delegation whose place is lost is found by the sweeper', async () => {
  const { engine, tasks, flood, states } = scene();
  await flood(MAX_IN_FLIGHT);
  const [lost] = await flood(1);
  for (const place of await engine.backlog.all()) await engine.backlog.remove(place);
  expect(engine.queue.some(({ messageId }) => messageId.startsWith(`${lost?.id ?? ''}:`))).toBe(false);
  engine.advance(90);
  await sweepStuck(engine.deps);
  await engine.drain(tasks);
  expect(await states('t1')).toEqual(new Set(['succeeded']));
});

test('an outage of the tables leaves a new delegation to the sweeper', async () => {
  const { engine, tasks, flood, states } = scene();
  await flood(MAX_IN_FLIGHT);
  const { delegations } = engine.deps;
  const outage = vi
    .spyOn(delegations, 'countUnfinished')
    .mockRejectedValue(new InfrastructureError('tables', 'marks', undefined));
  await flood(1);
  expect(outage).toHaveBeenCalled();
  outage.mockRestore();
  engine.advance(90);
  await sweepStuck(engine.deps);
  await engine.drain(tasks);
  expect(await states('t1')).toEqual(new Set(['succeeded']));
});
