import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isLongerThan } from '../base/json.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import { createFairQueue } from './fairQueue.ts';

/** Runs jobs of unknown length in a separate thread. */
export interface BoundedWorker {
  /**
   * Returns the answer of the thread to the job, a JSON value. Jobs run one at a time; waiting tenants take turns. Failures:
   * `timeout` for a job that took too long, whose thread was then terminated; `too_large` for a job of more than 512 Ki
   * characters; `unavailable` while too many jobs wait.
   */
  run(tenantId: string, job: unknown): Promise<Result<unknown>>;
}

/** A sound job takes a few milliseconds. */
const JOB_TIMEOUT_MS = 50;
/** The timeout of a job while the process gets too little time on the processor. */
const STARVED_TIMEOUT_MS = 1_000;
const START_TIMEOUT_MS = 10_000;
/** Characters of JSON. The record of a server has 400 Ki characters at most. */
const MAX_JOB_LENGTH = 512 * 1024;
/** With more jobs, the last one would wait for several seconds. */
const MAX_WAITING = 100;

/**
 * Starts the thread with the first job and keeps it. The `file` sends one message when it has started, and then one message for
 * each message that it receives. The thread sees no environment variable.
 */
export function createBoundedWorker(file: URL, { withinMs = JOB_TIMEOUT_MS } = {}): BoundedWorker {
  const queue = createFairQueue(1, 1);
  let waiting = 0;
  let thread: Worker | undefined;

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
    // The thread may fail between two jobs. Without a listener its error would end the process.
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
      if (isLongerThan(job, MAX_JOB_LENGTH))
        return fail({ kind: 'too_large', message: `it is longer than ${MAX_JOB_LENGTH} characters of JSON` });
      if (waiting >= MAX_WAITING)
        return fail({ kind: 'unavailable', message: 'too many other jobs wait for the thread' });
      const text = JSON.stringify(job);
      waiting += 1;
      return queue.run(tenantId, () => {
        waiting -= 1;
        return answer(text);
      });
    },
  };
}

async function startThread(file: URL): Promise<Worker> {
  // No `resourceLimits`: a thread at such a limit may not end when it is terminated. The time limit bounds its memory too.
  const worker = new Worker(file, { env: {}, execArgv: [] });
  // An idle thread does not keep the process alive.
  worker.unref();
  try {
    await once(worker, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    return worker;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/**
 * Resolves after `ms`, or later while the process has had less than half of `ms` on the processor: other processes of the
 * machine must not fail a job. An answer that has arrived by then is received first.
 */
async function passed(ms: number, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const isStarved = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 < ms / 2 && performance.now() - startedAt < STARVED_TIMEOUT_MS;
  };
  do {
    await sleep(ms, undefined, { signal });
    await nextTurn(undefined, { signal });
  } while (isStarved());
}
