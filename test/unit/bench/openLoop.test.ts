import { expect, test } from 'vitest';
import { paced } from '../../bench/openLoop.ts';

const PER_SECOND = 200;
const TIMES = 20;
const plannedMs = (index: number) => (index * 1_000) / PER_SECOND;

/** Runs acts that all end when the last has begun. Returns when each began, and what the open loop measured. */
async function runHeld() {
  const allBegun = Promise.withResolvers<undefined>();
  const begunMs: number[] = [];
  const startedAt = performance.now();
  const durations = await paced(PER_SECOND, TIMES, () => {
    begunMs.push(performance.now() - startedAt);
    if (begunMs.length === TIMES) allBegun.resolve(undefined);
    return allBegun.promise;
  });
  return { begunMs, durations };
}

test('acts begin while those before them still run, and none before its planned time', async () => {
  const { begunMs } = await runHeld();
  expect(begunMs).toHaveLength(TIMES);
  for (const [index, ms] of begunMs.entries()) expect(ms).toBeGreaterThanOrEqual(plannedMs(index));
});

test('a duration counts from the planned time, so the wait for others counts', async () => {
  const { durations } = await runHeld();
  for (const [index, ms] of durations.entries()) {
    expect(ms).toBeGreaterThanOrEqual(plannedMs(TIMES - 1) - plannedMs(index));
  }
});

test('a timer that fires late begins all acts that are due, which then count their delay', async () => {
  let first = true;
  const durations = await paced(1_000, 50, () => {
    if (first) for (const end = performance.now() + 40; performance.now() < end;);
    first = false;
    return Promise.resolve();
  });
  expect(durations).toHaveLength(50);
  expect(durations.filter((ms) => ms > 10).length).toBeGreaterThan(10);
});

test('an act that fails ends the loop with its reason', async () => {
  await expect(paced(1_000, 5, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});
