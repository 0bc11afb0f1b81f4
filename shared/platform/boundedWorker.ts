import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isLongerThan } from './jsonShape.ts';
import { type Result, fail, succeed } from './result.ts';

/** Does work in a thread of its own that nobody can say beforehand how long it takes. */
export interface BoundedWorker {
  /**
   * Returns what the thread answered to the job, a JSON value. Jobs are done one at a time; tenants that wait take turns.
   * Failures: `timeout` for a job that took too long, and the thread has been ended; `too_large` for one of more than 512 Ki
   * characters; `unavailable` while too many wait.
   */
  run(tenantId: string, job: unknown): Promise<Result<unknown>>;
}

const WITHIN_MS = 50;
/** The limit where the machine gives this process no time to work in. */
const STARVED_WITHIN_MS = 1_000;
const START_WITHIN_MS = 10_000;
/** A server's record has 400 Ki characters at most. */
const MAX_LENGTH = 512 * 1024;
const MAX_WAITING = 100;

interface Job {
  readonly text: string;
  readonly resolve: (result: Result<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Starts the thread with the first job and keeps it. Its `file` sends `ready` when it has started, and then one message for each
 * that it gets. It sees no environment variable.
 */
export function createBoundedWorker(file: URL, { withinMs = WITHIN_MS } = {}): BoundedWorker {
  const waiting = new Map<string, Job[]>();
  let count = 0;
  let isWorking = false;
  let thread: Worker | undefined;

  function next(): Job | undefined {
    const [first] = waiting;
    if (!first) return undefined;
    const [tenantId, [job, ...others]] = first;
    waiting.delete(tenantId);
    if (others.length > 0) waiting.set(tenantId, others);
    count -= 1;
    return job;
  }

  async function work(): Promise<void> {
    if (isWorking) return;
    isWorking = true;
    for (let job = next(); job; job = next()) await answer(job.text).then(job.resolve, job.reject);
    isWorking = false;
  }

  async function answer(text: string): Promise<Result<unknown>> {
    const worker = thread ?? (await start());
    const stop = new AbortController();
    const replied = once(worker, 'message', { signal: stop.signal }).then(([reply]) =>
      succeed<unknown>(reply),
    );
    const overdue = passed(withinMs, stop.signal).then(() =>
      fail({ kind: 'timeout', message: `it took longer than ${withinMs} ms` }),
    );
    worker.postMessage(text);
    try {
      const result = await Promise.race([replied, overdue]);
      if (!result.ok) await end(worker);
      return result;
    } catch (error) {
      await end(worker);
      throw error;
    } finally {
      stop.abort();
    }
  }

  async function start(): Promise<Worker> {
    const worker = await startThread(file);
    thread = worker;
    // It may end by itself while it waits; without this, its error would end the process.
    worker.on('error', () => {
      thread = undefined;
    });
    return worker;
  }

  async function end(worker: Worker): Promise<void> {
    thread = undefined;
    await worker.terminate();
  }

  return {
    async run(tenantId, job) {
      if (isLongerThan(job, MAX_LENGTH))
        return fail({ kind: 'too_large', message: `it is longer than ${MAX_LENGTH} characters of JSON` });
      if (count >= MAX_WAITING) return fail({ kind: 'unavailable', message: 'too many others wait for it' });
      count += 1;
      return new Promise((resolve, reject) => {
        const own = waiting.get(tenantId) ?? [];
        waiting.set(tenantId, [...own, { text: JSON.stringify(job), resolve, reject }]);
        void work();
      });
    },
  };
}

async function startThread(file: URL): Promise<Worker> {
  // Without limits to its memory: the time bounds that too, and a thread at such a limit may not end when told to.
  const worker = new Worker(file, { env: {}, execArgv: [] });
  // A thread that waits for work does not keep the process.
  worker.unref();
  try {
    await once(worker, 'message', { signal: AbortSignal.timeout(START_WITHIN_MS) });
    return worker;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/**
 * Ends after `ms`, or later while the process has had less than half of that of the processor: a neighbour on the machine must
 * not decide what a job comes to. An answer that has arrived meanwhile is received first.
 */
async function passed(ms: number, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const isStarved = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 < ms / 2 && performance.now() - startedAt < STARVED_WITHIN_MS;
  };
  do {
    await sleep(ms, undefined, { signal });
    await nextTurn(undefined, { signal });
  } while (isStarved());
}
