import { expect, test } from 'vitest';
import { beginPlan } from '../../../shared/orchestration/engine/beginPlan.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { type Faults, type TestEngine, testEngine } from '../../support/engine.ts';
import { plainTask } from '../../support/plainTask.ts';

const agent = 'mcp-debugger';
const tasks = taskCatalogue([plainTask(agent, 'probe')]);
const step = (id: string, ...dependsOn: string[]) =>
  ({ id, agent, task: 'probe', input: {}, dependsOn }) as const;

/** A step, then many side by side, then one that waits for all of them. */
const wide = (width: number) => {
  const middle = Array.from({ length: width }, (_, index) => `m${String(index)}`);
  return [step('first'), ...middle.map((id) => step(id, 'first')), step('last', ...middle)];
};

const begin = ({ deps }: TestEngine, width: number) =>
  beginPlan(
    { id: 'a1', tenantId: 't1', name: 'test', requestedBy: 'u1', traceparent: '' },
    wide(width),
    deps,
  );

test('each step is delegated once, however many others are under way', async () => {
  const engine = testEngine();
  await begin(engine, 20);
  await engine.drain(tasks);
  expect((await engine.deps.plans.find('t1', 'a1'))?.value.state).toBe('succeeded');
  expect(engine.log().filter((operation) => operation === 'insert delegations')).toHaveLength(22);
});

test.each(['faultAt', 'deadFrom'] as const)(
  'with %s at every single operation it ends all the same',
  async (kind) => {
    for (let at = 1; ; at++) {
      const faults: Faults = { [kind]: at, disorder: true };
      const engine = testEngine(faults);
      const run = async () => {
        await begin(engine, 3);
        await engine.drain(tasks);
      };
      await run().catch(() => undefined);
      const before = engine.operations();
      if (before < at) return;
      await engine.recover(tasks);
      const plan = (await engine.deps.plans.find('t1', 'a1'))?.value;
      // Dead before the plan was stored, there is none.
      if (plan) expect([at, plan.state]).toEqual([at, 'succeeded']);
      else expect(engine.log().slice(0, at)).not.toContain('replace plans');
    }
  },
);
