import { InfrastructureError } from '../platform/base/errors.ts';
import { type Result, fail, succeed } from '../platform/base/result.ts';

/**
 * What a look gives, if it does so within its time and before the task's own end: a part that hangs or fails is then a
 * finding of the task, not its end. Failures: `timeout`, and `unavailable` for a part that does not answer. Anything else that
 * the look throws is thrown.
 */
export async function withinTime<T>(
  limitMs: number,
  signal: AbortSignal,
  look: (signal: AbortSignal) => Promise<T>,
): Promise<Result<T>> {
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort();
  }, limitMs);
  const own = AbortSignal.any([signal, abort.signal]);
  const tooLate = new Promise<'too late'>((done) => {
    if (own.aborted) done('too late');
    own.addEventListener('abort', () => {
      done('too late');
    });
  });
  try {
    const found = await Promise.race([look(own).then(succeed), tooLate]);
    return found === 'too late' ? hung(limitMs) : found;
  } catch (error) {
    if (own.aborted) return hung(limitMs);
    if (!(error instanceof InfrastructureError)) throw error;
    return fail({ kind: 'unavailable', message: `${error.part} does not answer` });
  } finally {
    clearTimeout(timer);
  }
}

const hung = (limitMs: number) => fail({ kind: 'timeout', message: `no answer within ${limitMs} ms` });
