import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RetryOptions } from '../../src/coreTypes.ts';
import type { Invoker, Trigger } from '../../src/invocation.ts';
import {
  isMonitored,
  isPastDue,
  parseSchedule,
  retryDelayMs,
  type TimerStatus,
} from '../../src/timerSchedule.ts';
import { createFileTimerStore, createMemoryTimerStore, type TimerStore } from '../../src/timerStore.ts';
import { startTimer, toTimerFunction } from '../../src/timerTrigger.ts';
import { toTriggered } from '../../src/triggeredFunction.ts';

const NOON = new Date('2026-11-22T12:00:00Z');

describe('a schedule', () => {
  test.each([
    { schedule: '0 */5 * * * *', next: '2026-11-22T12:05:00.000Z', why: 'every five minutes' },
    { schedule: '30 0 0 * * *', next: '2026-11-23T00:00:30.000Z', why: 'in UTC' },
    { schedule: '0 0 9 * * MON-FRI', next: '2026-11-23T09:00:00.000Z', why: 'names of days' },
    { schedule: '0 0 0 1 JAN *', next: '2027-01-01T00:00:00.000Z', why: 'names of months' },
  ])('$schedule: $why', ({ schedule, next }) => {
    expect(parseSchedule(schedule)(NOON).toISOString()).toBe(next);
  });

  test.each([
    { schedule: '*/5 * * * *', why: 'five fields' },
    { schedule: '0 0 0 L * *', why: 'a sign that NCRONTAB does not have' },
    { schedule: '0 0 0 * * 1#2', why: 'another' },
    { schedule: '0 61 * * * *', why: 'no such minute' },
    { schedule: '0 0 0 13 * 5', why: 'the parser would read "or" where Azure reads "and"' },
    { schedule: '00:05:00', why: 'an interval' },
  ])('$schedule is refused: $why', ({ schedule }) => {
    expect(() => parseSchedule(schedule)).toThrow();
  });

  test('is past due when a time has passed since the last record, judged by the schedule as it is now', () => {
    const status: TimerStatus = {
      last: undefined,
      next: NOON,
      lastUpdated: new Date('2026-11-22T10:30:00Z'),
    };
    expect(isPastDue(parseSchedule('0 0 * * * *'), status, NOON)).toBe(true);
    expect(isPastDue(parseSchedule('0 0 0 * * *'), status, NOON)).toBe(false);
    expect(isPastDue(parseSchedule('0 0 * * * *'), undefined, NOON)).toBe(false);
  });

  test('is monitored when its times are a minute or more apart', () => {
    expect(isMonitored(parseSchedule('0 * * * * *'), NOON)).toBe(true);
    expect(isMonitored(parseSchedule('*/30 * * * * *'), NOON)).toBe(false);
  });

  test.each<{ policy?: RetryOptions; delays: (number | undefined)[] }>([
    { delays: [undefined] },
    {
      policy: { retryStrategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { seconds: 3 } },
      delays: [3000, 3000, undefined],
    },
    {
      policy: {
        retryStrategy: 'exponentialBackoff',
        maxRetryCount: -1,
        minimumInterval: { seconds: 1 },
        maximumInterval: { seconds: 3 },
      },
      delays: [1000, 2000, 3000, 3000],
    },
  ])('waits $delays between the retries of its policy', ({ policy, delays }) => {
    expect(delays.map((_, index) => retryDelayMs(policy, index + 1))).toEqual(delays);
  });
});

describe('a timer', () => {
  let runs: {
    readonly at: string;
    readonly isPastDue: boolean;
    readonly retry: number | undefined;
    readonly last?: string;
  }[];
  let statuses: Map<string, TimerStatus>;
  let store: TimerStore;
  /** What a run does, besides being noted. */
  let body: () => Promise<void>;
  const invoker: Pick<Invoker, 'invoke'> = {
    async invoke(_, { data, retryContext }: Trigger) {
      const timer = JSON.parse(data.json ?? '') as {
        IsPastDue: boolean;
        ScheduleStatus: { Last: string } | null;
      };
      const last = timer.ScheduleStatus?.Last;
      runs.push({
        at: new Date().toISOString().slice(11, 19),
        isPastDue: timer.IsPastDue,
        retry: retryContext?.retryCount,
        ...(last && { last }),
      });
      await body();
      return undefined;
    },
  };

  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
    runs = [];
    statuses = new Map();
    store = {
      read: (name) => Promise.resolve(statuses.get(name)),
      write: (name, status) => Promise.resolve(void statuses.set(name, status)),
    };
    body = () => Promise.resolve();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function start(schedule: string, more: { runOnStartup?: boolean; retryOptions?: RetryOptions } = {}) {
    const { retryOptions, ...options } = more;
    const binding = { type: 'timerTrigger', direction: 'in', schedule, ...options } as const;
    const metadata = { name: 't', bindings: { timer: binding }, ...(retryOptions && { retryOptions }) };
    const triggered = toTriggered({ metadata, callback: () => undefined });
    const target = toTimerFunction(triggered, { EVERY: '0 0 * * * *' });
    return startTimer(target, store, invoker as Invoker, () => undefined);
  }

  test('runs at each time of its schedule until it is stopped', async () => {
    const timer = start('%EVERY%');
    await vi.advanceTimersByTimeAsync(2.5 * 3_600_000);
    await timer.stop();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(runs.map(({ at }) => at)).toEqual(['13:00:00', '14:00:00']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('waits for a time that is further away than setTimeout can', async () => {
    start('0 0 0 1 6 *');
    await vi.advanceTimersByTimeAsync(365 * 24 * 3_600_000);
    expect(runs).toHaveLength(1);
  });

  test('never overlaps itself: the times that pass during a run are skipped', async () => {
    const gate = Promise.withResolvers<undefined>();
    body = () => gate.promise;
    start('%EVERY%');
    await vi.advanceTimersByTimeAsync(3.5 * 3_600_000);
    expect(runs.map(({ at }) => at)).toEqual(['13:00:00']);
    gate.resolve(undefined);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(runs.map(({ at }) => at)).toEqual(['13:00:00', '16:00:00']);
  });

  test('makes up at once, as past due, for a run that was missed while no host was up', async () => {
    const first = start('%EVERY%');
    await vi.advanceTimersByTimeAsync(3_600_000);
    await first.stop();
    vi.setSystemTime(new Date('2026-11-22T15:30:00Z'));
    start('%EVERY%');
    await vi.advanceTimersByTimeAsync(0);
    expect(runs.at(-1)).toEqual({
      at: '15:30:00',
      isPastDue: true,
      retry: undefined,
      last: '2026-11-22T13:00:00.000Z',
    });
    expect(statuses.get('t')).toEqual({
      last: new Date('2026-11-22T15:30:00Z'),
      next: new Date('2026-11-22T16:00:00Z'),
      lastUpdated: new Date('2026-11-22T15:30:00Z'),
    });
  });

  test('notices a missed run even when it has never run', async () => {
    const first = start('%EVERY%');
    await vi.advanceTimersByTimeAsync(0);
    await first.stop();
    vi.setSystemTime(new Date('2026-11-22T13:30:00Z'));
    start('%EVERY%');
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual([
      { at: '13:30:00', isPastDue: true, retry: undefined, last: '0001-01-01T00:00:00+00:00' },
    ]);
  });

  test('runs at start when it is told to, and remembers nothing when its runs are close together', async () => {
    start('*/10 * * * * *', { runOnStartup: true });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(runs).toEqual([{ at: '12:00:00', isPastDue: false, retry: undefined }]);
    expect(statuses.size).toBe(0);
  });

  test('is run again as its retry policy says, and goes on when all have failed', async () => {
    body = () => Promise.reject(new Error('fails'));
    start('%EVERY%', {
      retryOptions: { retryStrategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { seconds: 60 } },
    });
    await vi.advanceTimersByTimeAsync(2 * 3_600_000);
    expect(runs.map(({ at, retry }) => [at, retry])).toEqual([
      ['13:00:00', undefined],
      ['13:01:00', 1],
      ['13:02:00', 2],
      ['14:00:00', undefined],
    ]);
  });
});

describe('the record of timers', () => {
  let folder: string;
  const status: TimerStatus = { last: NOON, next: new Date(NOON.getTime() + 1), lastUpdated: NOON };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'host-timers-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  test('outlives the process in files', async () => {
    const nested = path.join(folder, 'not', 'yet', 'there');
    await createFileTimerStore(nested).write('t', status);
    expect(await createFileTimerStore(nested).read('t')).toEqual(status);
  });

  test('knows nothing of a timer without a file, or with one that cannot be read', async () => {
    await writeFile(path.join(folder, 'broken.json'), '{"next":');
    expect(await createFileTimerStore(folder).read('broken')).toBeUndefined();
    expect(await createFileTimerStore(folder).read('absent')).toBeUndefined();
  });

  test('is forgotten with the process where there is no folder', async () => {
    const memory = createMemoryTimerStore();
    await memory.write('t', status);
    expect(await memory.read('t')).toBeUndefined();
  });
});
