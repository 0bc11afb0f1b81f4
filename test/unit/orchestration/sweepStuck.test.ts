import { expect, test } from 'vitest';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { sweepStuck } from '../../../shared/orchestration/engine/sweepStuck.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { probes } from '../../../shared/specialists/probe.ts';
import { caller, testEngine } from '../../support/engine.ts';

test('a row that cannot be moved on does not keep the sweeper from the others', async () => {
  const engine = testEngine();
  const { deps } = engine;
  const tasks = taskCatalogue(probes({ state: deps.shortLived }));
  for (let count = 0; count < 3; count++)
    await delegate({ agent: 'mcp-debugger', task: 'probe' }, caller, tasks, deps);
  const [poisoned] = engine.queue.splice(0);
  engine.advance(120);
  const replace: typeof deps.delegations.replace = (row, etag) =>
    poisoned?.messageId.startsWith(row.id)
      ? Promise.reject(new RangeError('a value for a row of delegations is too long'))
      : deps.delegations.replace(row, etag);
  await sweepStuck({ ...deps, delegations: { ...deps.delegations, replace } });
  expect(engine.queue).toHaveLength(2);
});
