import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readUntil, waitSeconds } from '../../../functions/management/wait.ts';

describe('?wait=', () => {
  test.each([
    ['', 0, 'absent'],
    ['wait=0', 0, 'not at all'],
    ['wait=30', 30, 'the longest'],
    ['wait=2.5', 2.5, 'part of a second'],
  ])('%j is %d seconds: %s', (query, seconds) => {
    expect(waitSeconds(new URLSearchParams(query))).toEqual({ ok: true, value: seconds });
  });

  test.each([
    ['wait=31', 'too long'],
    ['wait=-1', 'the past'],
    ['wait=soon', 'no number'],
    ['wait=Infinity', 'for ever'],
    ['wait=NaN', 'no number'],
  ])('%s is refused: %s', (query) => {
    expect(waitSeconds(new URLSearchParams(query))).toMatchObject({
      ok: false,
      error: { kind: 'invalid', errors: [{ path: 'wait' }] },
    });
  });
});

describe('reading until the value has ended', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Reads 1, 2, 3 and so on. */
  const counting = () => {
    let reads = 0;
    return () => Promise.resolve(++reads);
  };
  const never = () => false;

  test.each([
    [0, 1, 'once, where nobody waits'],
    [0.01, 1, 'once, where there is no time for a second'],
    [0.1, 4, 'soon, for what is quick'],
    [1, 9, 'later each time'],
    [30, 82, 'to the end and no longer'],
  ])('reads for %d s and gives what it read last, the %ith: %s', async (seconds, last) => {
    const started = performance.now();
    const value = readUntil(counting(), never, seconds, new AbortController().signal);
    await vi.runAllTimersAsync();
    expect(await value).toBe(last);
    expect(performance.now() - started).toBeLessThanOrEqual(seconds * 1000);
  });

  test('ends as soon as the value has', async () => {
    const value = readUntil(counting(), (read) => read === 3, 30, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(400);
    expect(await value).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends when the answer would come too late', async () => {
    const abort = new AbortController();
    const value = readUntil(counting(), never, 30, abort.signal);
    await vi.advanceTimersByTimeAsync(250);
    abort.abort();
    await vi.advanceTimersByTimeAsync(200);
    expect(await value).toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('tells of a read that fails', async () => {
    const outage = new Error('outage');
    await expect(
      readUntil(() => Promise.reject(outage), never, 30, new AbortController().signal),
    ).rejects.toBe(outage);
  });
});
