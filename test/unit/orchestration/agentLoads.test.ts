import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createAgentActivity, readWorkloads } from '../../../shared/orchestration/agents/activity.ts';
import { createAgentLoads } from '../../../shared/orchestration/agents/loads.ts';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { caller, type TestEngine, testEngine } from '../../support/engine.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const activityOf = ({ deps: { shortLived, clock, log } }: TestEngine, instanceId: string) =>
  createAgentActivity({ state: shortLived, clock, log, instanceId });
const load = async ({ deps: { shortLived, clock } }: TestEngine) =>
  (await readWorkloads(shortLived, clock)).get('mcp-debugger');

describe('what the agents do', () => {
  test('is the sum of what all instances say', async () => {
    const engine = testEngine();
    const [one, two] = [activityOf(engine, 'one'), activityOf(engine, 'two')];
    one.begin('mcp-debugger', 't1');
    one.begin('mcp-debugger', 't1')(true);
    two.begin('mcp-debugger', 't1')(false);
    two.begin('mcp-debugger', 't1');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await load(engine)).toEqual({
      running: 2,
      perMinute: 2,
      failureRate: 0.5,
      lastSeenAt: engine.deps.clock.now().toISOString(),
    });
  });

  test('of an instance that has gone silent counts no more, and when it was seen last is still known', async () => {
    const engine = testEngine();
    activityOf(engine, 'one').begin('mcp-debugger', 't1');
    await vi.advanceTimersByTimeAsync(2_000);
    const seenAt = engine.deps.clock.now().toISOString();
    engine.advance(76);
    expect(await load(engine)).toEqual({ running: 0, perMinute: 0, failureRate: 0, lastSeenAt: seenAt });
  });

  test('is told again and again while a task runs, and no longer once all have ended', async () => {
    const engine = testEngine();
    const end = activityOf(engine, 'one').begin('mcp-debugger', 't1');
    for (let second = 0; second < 60; second += 2) {
      engine.advance(2);
      await vi.advanceTimersByTimeAsync(2_000);
    }
    expect(await load(engine)).toMatchObject({ running: 1 });
    end(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await load(engine)).toMatchObject({ running: 0, perMinute: 1 });
    const before = engine.operations();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(engine.operations()).toBe(before);
  });

  test('of one tenant is counted apart from that of the others, also beside an instance of an earlier version', async () => {
    const engine = testEngine();
    const { shortLived, clock } = engine.deps;
    const activity = activityOf(engine, 'one');
    activity.begin('mcp-debugger', 't1');
    activity.begin('mcp-debugger', 't2')(true);
    activity.begin('mcp-debugger', 't2')(false);
    await vi.advanceTimersByTimeAsync(2_000);
    const key = 'mreg:agent:mcp-debugger';
    const reports = JSON.parse((await shortLived.get(key)) ?? '{}') as object;
    const earlier = { running: 5, ended: 5, failed: 5, at: clock.now().getTime() };
    await shortLived.set(key, JSON.stringify({ ...reports, earlier }), 60_000);
    const of = async (tenantId?: string) =>
      (await readWorkloads(shortLived, clock, tenantId)).get('mcp-debugger');
    expect(await of('t1')).toMatchObject({ running: 1, perMinute: 0, failureRate: 0 });
    expect(await of('t2')).toMatchObject({ running: 0, perMinute: 2, failureRate: 0.5 });
    expect(await of('t3')).toMatchObject({ running: 0, perMinute: 0, failureRate: 0 });
    expect(await of()).toMatchObject({ running: 6, perMinute: 7 });
  });

  test('of nobody is nothing', async () => {
    expect(await load(testEngine())).toEqual({ running: 0, perMinute: 0, failureRate: 0 });
  });
});

const shared = (agent: 'mcp-debugger' | 'mcp-protocol-expert') =>
  defineTask({
    name: 'look',
    agent,
    permissions: ['delegations.read'],
    description: '',
    timeoutMs: 1_000,
    input: z.object({}),
    output: z.unknown(),
    run: () => Promise.resolve(succeed(null)),
  });

test('of two agents that can do a task, the one with the least to do gets it', async () => {
  const engine = testEngine();
  const tasks = taskCatalogue([shared('mcp-debugger'), shared('mcp-protocol-expert')]);
  const agents: string[] = [];
  for (let time = 0; time < 4; time++) {
    const made = await delegate({ task: 'look' }, caller, tasks, engine.deps);
    agents.push(made.ok ? made.value.agent : 'none');
    engine.advance(1);
  }
  expect(agents).toEqual(['mcp-debugger', 'mcp-protocol-expert', 'mcp-debugger', 'mcp-protocol-expert']);
});

test('how much waits is asked at most once a second', async () => {
  const engine = testEngine();
  const { delegations, shortLived: state, clock } = engine.deps;
  const loads = createAgentLoads({ delegations, state, clock });
  await Promise.all([loads(), loads(), loads()]);
  const before = engine.operations();
  await loads();
  expect(engine.operations()).toBe(before);
  engine.advance(1);
  await loads();
  expect(engine.operations()).toBeGreaterThan(before);
});
