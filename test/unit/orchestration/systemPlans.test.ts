import { expect, test } from 'vitest';
import { DEPLOYMENT_PLAN, HEALTH_PLAN } from '../../../shared/orchestration/model/plan.ts';
import { namedPlans } from '../../../shared/orchestration/plans/namedPlans.ts';
import { standardGates } from '../../../shared/orchestration/plans/qualityGates.ts';
import { requestPlan } from '../../../shared/orchestration/plans/requestPlan.ts';
import { REPORT_PLAN } from '../../../shared/orchestration/plans/systemReport.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { fail } from '../../../shared/platform/base/result.ts';
import { caller, testEngine } from '../../support/engine.ts';
import { plainTask } from '../../support/plainTask.ts';

const names = [HEALTH_PLAN, REPORT_PLAN, DEPLOYMENT_PLAN];
const plans = namedPlans(standardGates).filter(({ name }) => names.includes(name));
const tasks = taskCatalogue(
  plans.flatMap(({ steps }) => steps.map(({ task, agent }) => plainTask(agent, task))),
);

test.each(names)('the plan %s is begun by its name, and runs all its steps', async (name) => {
  const engine = testEngine();
  const { deps } = engine;
  const begun = await requestPlan({ name }, caller, tasks, deps);
  if (!begun.ok) throw new Error(begun.error.message);
  await engine.drain(tasks);
  const plan = (await deps.plans.find('t1', begun.value.id))?.value;
  expect(plan).toMatchObject({ name, state: 'succeeded' });
  expect(plan?.steps.every(({ state }) => state === 'succeeded')).toBe(true);
});

test.each(names)('the plan %s works for a session of the caller alone', async (name) => {
  const { deps } = testEngine();
  const session = await deps.sessions.open(caller.actor);
  const begun = await requestPlan({ name, sessionId: session.id }, caller, tasks, deps);
  expect(begun).toMatchObject({ ok: true, value: { sessionId: session.id } });
  const stranger = { ...caller, actor: { ...caller.actor, userId: 'u2' } };
  expect(await requestPlan({ name, sessionId: session.id }, stranger, tasks, deps)).toMatchObject({
    error: { kind: 'not_found' },
  });
});

test('health is looked at when the pools are taken, and a report is not begun then', async () => {
  const { deps } = testEngine();
  const taken = { kind: 'exhausted', message: 'nothing is left' } as const;
  const pools = { ...deps.pools, allocate: () => Promise.resolve(fail(taken)) };
  expect(await requestPlan({ name: HEALTH_PLAN }, caller, tasks, { ...deps, pools })).toMatchObject({
    ok: true,
  });
  expect(await requestPlan({ name: REPORT_PLAN }, caller, tasks, { ...deps, pools })).toMatchObject({
    error: { kind: 'exhausted' },
  });
});
