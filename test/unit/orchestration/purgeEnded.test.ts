import { expect, test } from 'vitest';
import { beginPlan } from '../../../shared/orchestration/engine/beginPlan.ts';
import { purgeEnded } from '../../../shared/orchestration/engine/purgeEnded.ts';
import { HEALTH_PLAN } from '../../../shared/orchestration/model/plan.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { fail } from '../../../shared/platform/base/result.ts';
import { type TestEngine, testEngine } from '../../support/engine.ts';
import { plainTask } from '../../support/plainTask.ts';

const DAY = 24 * 60 * 60;
const agent = 'mcp-debugger';
const no = fail({ kind: 'invalid', message: 'no' });
const tasks = taskCatalogue([plainTask(agent, 'good'), plainTask(agent, 'bad', no)]);
const work = (name: string) => ({ agent, task: name, input: {} }) as const;

const begin = ({ deps }: TestEngine, id: string, name = 'test') =>
  beginPlan(
    { id, tenantId: 't1', name, requestedBy: 'u1', traceparent: '' },
    [
      { id: 'first', ...work('good'), compensation: work('good') },
      { id: 'second', ...work('bad'), dependsOn: ['first'] },
    ],
    deps,
  );

/** The ids of all plans and delegations that there are. */
async function kept({ deps }: TestEngine): Promise<readonly string[]> {
  const [plans, delegations] = [
    await deps.plans.list('t1', {}, 100),
    await deps.delegations.list('t1', {}, 100),
  ];
  return [...plans.items, ...delegations.items].map(({ id }) => id);
}

test('a plan that ended long ago goes with all that it delegated, its compensations too', async () => {
  const engine = testEngine();
  await begin(engine, 'a1');
  await engine.drain(tasks);
  const all = ['a1', 'a1-first', 'a1-first-undo', 'a1-second'];
  expect(await kept(engine)).toEqual(all);
  engine.advance(29 * DAY);
  await purgeEnded(engine.deps);
  expect(await kept(engine)).toEqual(all);
  engine.advance(DAY + 1);
  await purgeEnded(engine.deps);
  expect(await kept(engine)).toEqual([]);
});

test('a look at the health of the system goes after a day, and its delegations with it', async () => {
  const engine = testEngine();
  await begin(engine, 'a1', HEALTH_PLAN);
  await engine.drain(tasks);
  await begin(engine, 'b1');
  await engine.drain(tasks);
  engine.advance(DAY + 1);
  await purgeEnded(engine.deps);
  expect(await kept(engine)).toEqual(['b1', 'b1-first', 'b1-first-undo', 'b1-second']);
});

test('what has not ended stays, however old it is', async () => {
  const engine = testEngine();
  await begin(engine, 'a1');
  engine.advance(400 * DAY);
  await purgeEnded(engine.deps);
  expect(await kept(engine)).toEqual(['a1', 'a1-first']);
});

test('a purge that dies is carried on by the next one', async () => {
  for (let faultAt = 1; ; faultAt++) {
    const engine = testEngine();
    await begin(engine, 'a1');
    await engine.drain(tasks);
    engine.advance(31 * DAY);
    const dying = { ...engine.deps, delegations: { ...engine.deps.delegations } };
    let operations = 0;
    dying.delegations.remove = (...given) => {
      if (++operations === faultAt) throw new Error('died');
      return engine.deps.delegations.remove(...given);
    };
    const died = await purgeEnded(dying).then(
      () => false,
      () => true,
    );
    expect((await kept(engine)).includes('a1')).toBe(died);
    await purgeEnded(engine.deps);
    expect(await kept(engine)).toEqual([]);
    if (!died) return;
  }
});
