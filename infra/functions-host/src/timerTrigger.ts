import type { RetryContext, TypedData } from './coreTypes.ts';
import { type HostConfig, resolveSettings } from './hostConfig.ts';
import type { Invoker, Trigger } from './invocation.ts';
import { type Log, stackOf } from './log.ts';
import {
  isMonitored,
  isPastDue,
  parseSchedule,
  retryDelayMs,
  type Schedule,
  type TimerStatus,
} from './timerSchedule.ts';
import type { TimerStore } from './timerStore.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

export interface TimerFunction extends TriggeredFunction {
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  readonly useMonitor: boolean;
}

export interface RunningTimer {
  /** Starts no further run. Resolves when the current run has ended. */
  stop(): Promise<void>;
}

/** `setTimeout` waits at most 24 days. A longer wait has several steps. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/** Reads a timer trigger. @throws Error when this host does not support its schedule. */
export function toTimerFunction(
  triggered: TriggeredFunction,
  settings: HostConfig['settings'],
): TimerFunction {
  const { trigger } = triggered;
  const schedule = parseSchedule(resolveSettings(String(trigger['schedule']), settings));
  return {
    ...triggered,
    schedule,
    runOnStartup: trigger['runOnStartup'] === true,
    useMonitor: trigger['useMonitor'] !== false && isMonitored(schedule, new Date()),
  };
}

/**
 * Runs a function on its schedule, in UTC, until stopped. Runs do not overlap: times that pass during a run are skipped. A
 * run that was missed while no host was running starts at once, as past due.
 */
export function startTimer(
  target: TimerFunction,
  store: TimerStore,
  invoker: Invoker,
  log: Log,
): RunningTimer {
  const { name, schedule, metadata } = target;
  const { retryOptions } = metadata;
  const stopping = new AbortController();
  const { signal } = stopping;
  let status: TimerStatus | undefined;

  async function record(last: Date | undefined): Promise<void> {
    const now = new Date();
    status = { last, next: schedule(now), lastUpdated: now };
    await store.write(name, status);
  }

  async function runOnce(trigger: Trigger): Promise<{ readonly error: unknown } | undefined> {
    try {
      await invoker.invoke(target, trigger);
      return undefined;
    } catch (error) {
      log('error', `Timer ${name} failed: ${stackOf(error)}`);
      return { error };
    }
  }

  async function run(pastDue: boolean): Promise<void> {
    const started = new Date();
    const data = timerData(target.useMonitor ? status : undefined, pastDue);
    let retryContext: Pick<Trigger, 'retryContext'> = {};
    for (let retryCount = 1; ; retryCount += 1) {
      const failure = await runOnce({ data, metadata: {}, ...retryContext });
      const waitMs = failure && retryDelayMs(retryOptions, retryCount);
      if (!failure || !retryOptions || waitMs === undefined || !(await waited(waitMs, signal))) break;
      const { maxRetryCount } = retryOptions;
      retryContext = { retryContext: { retryCount, maxRetryCount, exception: toException(failure.error) } };
    }
    if (target.useMonitor) await record(started);
  }

  async function loop(): Promise<void> {
    if (target.useMonitor) status = await store.read(name);
    const pastDue = isPastDue(schedule, status, new Date());
    if (target.useMonitor && !status) await record(undefined);
    if (target.runOnStartup || pastDue) await run(pastDue);
    while (await reached(schedule(new Date()), signal)) await run(false);
  }

  const stopped = loop().catch((error: unknown) => {
    log('critical', `Timer ${name} has stopped: ${stackOf(error)}`);
  });
  return {
    stop: () => {
      stopping.abort();
      return stopped;
    },
  };
}

/** The names and the first date are .NET's; the library lowers the first letter of each name. */
function timerData(status: TimerStatus | undefined, pastDue: boolean): TypedData {
  const scheduleStatus = status && {
    Last: status.last ?? '0001-01-01T00:00:00+00:00',
    Next: status.next,
    LastUpdated: status.lastUpdated,
  };
  return {
    json: JSON.stringify({
      Schedule: { AdjustForDST: true },
      ScheduleStatus: scheduleStatus ?? null,
      IsPastDue: pastDue,
    }),
  };
}

function toException(error: unknown): NonNullable<RetryContext['exception']> {
  if (!(error instanceof Error)) return { message: String(error), stackTrace: '' };
  return { message: error.message, stackTrace: error.stack ?? '' };
}

/** Waits until a time. Resolves to false when stopped before. */
async function reached(time: Date, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const leftMs = time.getTime() - Date.now();
    if (leftMs <= 0) return true;
    if (!(await waited(Math.min(leftMs, LONGEST_WAIT_MS), signal))) return false;
  }
}

/** Waits. Resolves to false at once when stopped. */
function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve(!signal.aborted);
    }
    signal.addEventListener('abort', done);
  });
}
