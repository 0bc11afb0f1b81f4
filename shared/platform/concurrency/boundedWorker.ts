import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createFairQueue } from './fairQueue.ts';
import { isLongerThan } from '../base/jsonShape.ts';
import { type Result, fail, succeed } from '../base/result.ts';

/** Does work of unknown length in a thread of its own. */
export interface BoundedWorker {
  /**
   * Returns the answer of the thread to the job, a JSON value. Jobs are done one at a time; tenants that wait take turns.
   * Failures: `timeout` for a job that took too long, whose thread was ended; `too_large` for a job of more than 512 Ki
   * characters; `unavailable` while too many jobs wait.
   */
  run(tenantId: string, job: unknown): Promise<Result<unknown>>;
}

const WITHIN_MS = 50;
/** The limit while the process gets too little time on the processor. */
const STARVED_WITHIN_MS = 1_000;
const START_WITHIN_MS = 10_000;
/** A server's record has 400 Ki characters at most. */
const MAX_LENGTH = 512 * 1024;
const MAX_WAITING = 100;

/**
 * Starts the thread with the first job and keeps it. Its `file` sends a message when it has started, and then one message for
 * each message that it gets. It sees no environment variable.
 */
export function createBoundedWorker(file: URL, { withinMs = WITHIN_MS } = {}): BoundedWorker {
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
      if (isLongerThan(job, MAX_LENGTH))
        return fail({ kind: 'too_large', message: `it is longer than ${MAX_LENGTH} characters of JSON` });
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
  // A thread that waits for work does not keep the process alive.
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
 * Resolves after `ms`, or later while the process has had less than half of `ms` on the processor: a busy neighbour on the
 * machine must not fail a job. An answer that has arrived meanwhile is received first.
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
