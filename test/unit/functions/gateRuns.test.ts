import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { openManagementRoutes } from '../../support/managementRoutes.ts';
import { testRegistry } from '../../support/registrations.ts';

const agent = 'mcp-debugger';
const look = defineTask({
  name: 'look',
  agent,
  permissions: ['delegations.read'],
  description: '',
  timeoutMs: 1_000,
  input: z.object({}),
  output: z.unknown(),
  run: () => Promise.resolve(succeed({ passed: true })),
});

test('a cursor of the runs of one gate is refused by the list of another gate', async () => {
  const run = testRegistry();
  const checks = [{ check: 'look', agent, severity: 'critical' }] as const;
  Object.assign(run.deps, { gates: { one: checks, two: checks } });
  const { send } = openManagementRoutes({ ...run, tasks: taskCatalogue([look]) });
  for (const gate of ['one', 'two', 'one', 'two']) await send('POST', `/quality-gates/${gate}/runs`);
  const first = await send('GET', '/quality-gates/one/runs?limit=1');
  const cursor = String(first.body['nextCursor']);
  expect(await send('GET', `/quality-gates/two/runs?cursor=${cursor}`)).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'cursor' }] },
  });
  const rest = await send('GET', `/quality-gates/one/runs?cursor=${cursor}`);
  expect(rest).toMatchObject({ status: 200, body: { items: [{ gate: 'one' }] } });
});
