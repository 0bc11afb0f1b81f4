import { describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../../../shared/platform/base/errors.ts';
import {
  measure,
  measureEach,
  percentiles,
  PublicFault,
  reasonOf,
  timeFor,
} from '../../../../shared/specialists/mcp-performance-optimizer/measure.ts';

const signal = new AbortController().signal;
const never = () => new Promise<never>(() => undefined);

test('percentiles are of the nearest rank, in any order of the durations', () => {
  const durations = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentiles(durations)).toEqual({ count: 100, p50Ms: 50, p95Ms: 95, maxMs: 100 });
  expect(percentiles([3])).toEqual({ count: 1, p50Ms: 3, p95Ms: 3, maxMs: 3 });
  expect(() => percentiles([])).toThrow(RangeError);
});

describe('a measurement', () => {
  test('repeats the operation and does not count the first run', async () => {
    let calls = 0;
    const { times, last, fault } = await measure(() => Promise.resolve(++calls), {
      times: 5,
      withinMs: 10_000,
      signal,
    });
    expect([calls, times?.count, last, fault]).toEqual([5, 4, 5, undefined]);
  });

  test('of one run counts it', async () => {
    const { times } = await measure(() => Promise.resolve(), { times: 1, withinMs: 10_000, signal });
    expect(times?.count).toBe(1);
  });

  test('ends with the first fault and keeps the durations before it', async () => {
    const act = (item: number) =>
      item < 3
        ? Promise.resolve(item)
        : Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }));
    const { times, last, fault } = await measureEach([1, 2, 3, 4], act, { withinMs: 10_000, signal });
    expect([times?.count, last]).toEqual([1, 2]);
    expect(fault).toMatchObject({ kind: 'failed', reason: 'ECONNREFUSED' });
  });

  test('ends in time although an operation ignores its signal', async () => {
    const { times, fault } = await measure(never, { times: 5, withinMs: 1_100, signal });
    expect(times).toBeUndefined();
    expect(fault).toMatchObject({ kind: 'hung', reason: 'no answer in time' });
    expect(fault?.afterMs).toBeGreaterThanOrEqual(1_000);
  });

  test('does not call an operation hung that had too little time', async () => {
    expect(await measure(never, { times: 5, withinMs: 20, signal })).toEqual({});
    expect(await measure(never, { times: 5, withinMs: -5, signal })).toEqual({});
    expect(await measure(never, { times: 5, withinMs: 10_000, signal: AbortSignal.abort() })).toEqual({});
  });

  test('aborts the operation at the timeout', async () => {
    let told: AbortSignal | undefined;
    await measure((limit) => ((told = limit), never()), { times: 1, withinMs: 20, signal });
    expect(told?.aborted).toBe(true);
  });
});

test.each<[error: unknown, reason: string, why: string]>([
  [
    new InfrastructureError(
      'tables',
      'get',
      Object.assign(new Error('at 10.0.0.7'), { code: 'TableNotFound' }),
    ),
    'TableNotFound',
    'the innermost code is the most exact',
  ],
  [
    new InfrastructureError('redis', 'set', new Error('NOAUTH Authentication required.')),
    'NOAUTH',
    'a refusal of Redis',
  ],
  [
    new InfrastructureError('redis', 'set', new Error('OOM command not allowed')),
    'OOM',
    'a Redis that is full',
  ],
  [new InfrastructureError('redis', 'set', new Error('Command timed out')), 'no answer in time', 'silence'],
  [
    Object.assign(new Error('x'), { code: 'Bearer abc.def' }),
    'unexpected fault',
    'a code that is none is not told',
  ],
  [new Error('password is hunter2'), 'unexpected fault', 'a text is not told'],
  [new PublicFault('status 503'), 'status 503', 'what may be told'],
  ['text', 'unexpected fault', 'no error at all'],
])('%#: the reason is %s: %s', (error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});

test('a measurement has the time that it wants, or what is left before the answer', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const left = (seconds: number) => ({
    deadline: new Date(now.getTime() + seconds * 1_000),
    clock: { now: () => now },
  });
  expect(timeFor(left(60), 5_000)).toBe(5_000);
  expect(timeFor(left(3), 5_000)).toBe(2_300);
  expect(timeFor(left(-1), 5_000)).toBe(1);
});
