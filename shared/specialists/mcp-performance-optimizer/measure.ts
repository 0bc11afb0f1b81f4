import * as z from 'zod';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';

/** The durations of repeated operations, in milliseconds with three decimals. */
export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

/** Why a measurement ended early: the operation failed, or gave no answer in time. */
export interface MeasuringFault {
  readonly kind: 'failed' | 'hung';
  /** From the start of the operation that failed or hung. */
  readonly afterMs: number;
  /** For people: a name from a protocol or an error code, never the text of the error. */
  readonly reason: string;
}

export interface Measured<A = unknown> {
  /** Absent if no repetition succeeded. */
  readonly times?: Percentiles;
  /** The result of the last repetition that succeeded. */
  readonly last?: A;
  readonly fault?: MeasuringFault;
}

export interface Limits {
  /** For all repetitions together; the one that is running then is aborted. */
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

const NO_ANSWER = 'no answer in time';

/** An operation that is aborted sooner may only be slow. */
const HANGS_FROM_MS = 1_000;

/** The time that a task keeps to return its result. */
const TO_ANSWER_MS = 700;

/** Returns how long a task may measure: the time that it wants, or what is left until its deadline. */
export function timeFor(
  { deadline, clock }: Pick<TaskHelpers, 'deadline' | 'clock'>,
  wantedMs: number,
): number {
  return Math.max(1, Math.min(wantedMs, deadline.getTime() - clock.now().getTime() - TO_ANSWER_MS));
}

/** The input of a task that measures. */
export const timesSchema = (most: number, usual: number): z.ZodType<{ readonly times: number }> =>
  z.strictObject({
    times: z.int().min(5).max(most).default(usual).describe('How often each operation is measured.'),
  });

/** Repeats an operation and measures it, as `measureEach` does. */
export const measure = <A>(
  act: (signal: AbortSignal) => Promise<A>,
  { times, ...limits }: Limits & { readonly times: number },
): Promise<Measured<A>> => measureEach(Array.from({ length: times }), (_, signal) => act(signal), limits);

/**
 * Runs an operation for each item, one after another, and measures it. The first run does not count if there are others, since it
 * opens connections. Never rejects and never takes longer than `withinMs`, even if the operation ignores its signal.
 */
export async function measureEach<T, A>(
  items: readonly T[],
  act: (item: T, signal: AbortSignal) => Promise<A>,
  { withinMs, signal }: Limits,
): Promise<Measured<A>> {
  const limit = new AbortController();
  const { promise: over, resolve } = Promise.withResolvers<'over'>();
  const end = () => {
    limit.abort();
    resolve('over');
  };
  const timer = setTimeout(end, Math.max(1, withinMs));
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const taken: number[] = [];
  let last: { readonly value: A } | undefined;
  let fault: MeasuringFault | undefined;
  for (const item of items) {
    if (fault !== undefined || isOver(limit)) break;
    const startedAt = performance.now();
    const ending = await Promise.race([over, ended(act(item, limit.signal))]);
    const afterMs = rounded(performance.now() - startedAt);
    if (ending !== 'over' && 'value' in ending) {
      taken.push(afterMs);
      last = ending;
    } else if (ending === 'over' || isOver(limit)) {
      // An operation that had too little time proves nothing.
      if (afterMs >= HANGS_FROM_MS) fault = { kind: 'hung', afterMs, reason: NO_ANSWER };
    } else {
      const reason = reasonOf(ending.error);
      fault = { kind: reason === NO_ANSWER ? 'hung' : 'failed', afterMs, reason };
    }
  }
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  const counted = taken.length > 1 ? taken.slice(1) : taken;
  return {
    ...(counted.length > 0 && { times: percentiles(counted) }),
    ...(last && { last: last.value }),
    ...(fault && { fault }),
  };
}

const isOver = ({ signal }: AbortController): boolean => signal.aborted;

const ended = <A>(act: Promise<A>): Promise<{ readonly value: A } | { readonly error: unknown }> =>
  act.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

/** @throws RangeError if there are no durations */
export function percentiles(durations: readonly number[]): Percentiles {
  if (durations.length === 0) throw new RangeError('percentiles need at least one duration');
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}

export const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** The form of error codes in Node, Azure Storage and undici; messages do not have it. */
const code = /^[A-Za-z][A-Za-z0-9_]{2,59}$/;
/** The first word of an error reply of Redis. */
const redisRefusal = /^(NOAUTH|WRONGPASS|NOPERM|LOADING|READONLY|OOM|MISCONF|BUSY)\b/;

/** An error whose message may be shown to users. */
export class PublicFault extends Error {}

/** Returns the innermost code of an error, which is the most exact; it is safe to show to users. */
export function reasonOf(error: unknown): string {
  if (error instanceof PublicFault) return error.message;
  let reason: string | undefined;
  let depth = 0;
  for (let cause = error; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const found = 'code' in cause ? cause.code : undefined;
    const [refusal] = redisRefusal.exec(cause.message) ?? [];
    if (typeof found === 'string' && code.test(found)) reason = found;
    else if (refusal !== undefined) reason = refusal;
    else if (/timed? ?out|in time/i.test(cause.message)) reason ??= NO_ANSWER;
  }
  return reason ?? 'unexpected fault';
}
