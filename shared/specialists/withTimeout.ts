import { InfrastructureError } from '../platform/base/errors.ts';
import { fail, type Result, succeed } from '../platform/base/result.ts';

/**
 * Runs an operation with a timeout of its own, so that a part of the system that hangs or fails becomes a finding of the task
 * and does not end it. Failures: `timeout`, and `unavailable` after an `InfrastructureError`. Rethrows any other error.
 */
export async function withTimeout<T>(
  timeoutMs: number,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<Result<T>> {
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort();
  }, timeoutMs);
  const own = AbortSignal.any([signal, abort.signal]);
  const aborted = new Promise<'aborted'>((done) => {
    if (own.aborted) done('aborted');
    own.addEventListener('abort', () => {
      done('aborted');
    });
  });
  try {
    const done = await Promise.race([act(own).then(succeed), aborted]);
    return done === 'aborted' ? timedOut(timeoutMs) : done;
  } catch (error) {
    if (own.aborted) return timedOut(timeoutMs);
    if (!(error instanceof InfrastructureError)) throw error;
    return fail({ kind: 'unavailable', message: `${error.part} does not answer` });
  } finally {
    clearTimeout(timer);
  }
}

const timedOut = (timeoutMs: number) =>
  fail({ kind: 'timeout', message: `no answer within ${timeoutMs} ms` });
