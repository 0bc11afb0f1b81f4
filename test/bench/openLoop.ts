import { setTimeout as delay } from 'node:timers/promises';
import { openCaller, type Target } from './load.ts';
import { quantile } from './quantile.ts';

/** Latencies at a fixed rate of arrivals, in milliseconds from the planned time of each call. */
export interface OpenLoop {
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/**
 * Begins a call each 1/`perSecond` seconds, whether or not the calls before it have ended, and waits for all. A closed loop
 * stops asking while the answers are late, and so leaves out the very calls that would have waited.
 */
export async function openLoop(
  target: Target | readonly Target[],
  connections: number,
  perSecond: number,
  seconds: number,
): Promise<OpenLoop> {
  const caller = openCaller(target, connections);
  const durations = await paced(perSecond, Math.round(perSecond * seconds), (index) => caller.call(index));
  await caller.close();
  return {
    calls: durations.length,
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
    p999Ms: quantile(durations, 0.999),
  };
}

/**
 * Begins the act `times` times at a fixed rate. Returns how long each took in milliseconds, from its planned time. A timer that
 * fires late begins all acts that are due.
 */
export async function paced(
  perSecond: number,
  times: number,
  act: (index: number) => Promise<unknown>,
): Promise<readonly number[]> {
  const startedAt = performance.now();
  const timed = async (index: number) => {
    const plannedAt = startedAt + (index * 1_000) / perSecond;
    await act(index);
    return performance.now() - plannedAt;
  };
  const begun: Promise<number>[] = [];
  while (begun.length < times) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000) + 1;
    while (begun.length < Math.min(due, times)) {
      const call = timed(begun.length);
      // It is reported below, when all are begun.
      call.catch(() => undefined);
      begun.push(call);
    }
    await delay(1);
  }
  return Promise.all(begun);
}
