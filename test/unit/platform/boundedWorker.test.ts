import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { createBoundedWorker } from '../../../shared/platform/concurrency/boundedWorker.ts';

const file = new URL('../../support/processes/jobs.ts', import.meta.url);
/** For jobs that come to an end: no noise of the machine decides about them. */
const patient = () => createBoundedWorker(file, { withinMs: 20_000 });

test('a job is answered by the thread, which sees no setting of the process', async () => {
  const worker = patient();
  expect(await worker.run('a', { n: 1 })).toEqual({ ok: true, value: '{"n":1}' });
  expect(await worker.run('a', { act: 'environment' })).toEqual({ ok: true, value: [] });
});

test('a job that takes too long is ended, and the event loop goes on meanwhile', async () => {
  const worker = createBoundedWorker(file);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let time = 0; time < 3; time++)
    expect(await worker.run('a', { act: 'spin' })).toEqual({
      ok: false,
      error: { kind: 'timeout', message: 'it took longer than 50 ms' },
    });
  delay.disable();
  // A job that ran on the loop would hold it for ever.
  expect(delay.max / 1e6).toBeLessThan(5_000);
});

test('tenants that wait take turns, and the jobs of each keep their order', async () => {
  const worker = patient();
  const done: string[] = [];
  const ask = async (tenantId: string, n: number) => {
    await worker.run(tenantId, { n });
    done.push(`${tenantId}${n}`);
  };
  await Promise.all([ask('a', 1), ask('a', 2), ask('a', 3), ask('b', 1), ask('b', 2), ask('c', 1)]);
  expect(done).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
});

test('a job that is too long is not sent, and of too many some are not taken', async () => {
  const worker = patient();
  expect(await worker.run('a', 'x'.repeat(512 * 1024))).toMatchObject({ error: { kind: 'too_large' } });
  const results = await Promise.all(Array.from({ length: 103 }, (_, n) => worker.run('a', { n })));
  const refused = results.filter(({ ok }) => !ok);
  expect(refused.length).toBeGreaterThanOrEqual(1);
  expect(refused[0]).toMatchObject({ error: { kind: 'unavailable' } });
});

test('a fault of the thread is thrown, and the next job is done', async () => {
  const worker = patient();
  await expect(worker.run('a', { act: 'throw' })).rejects.toThrow('the wheel came off');
  expect(await worker.run('a', {})).toEqual({ ok: true, value: '{}' });
});
