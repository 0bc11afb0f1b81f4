import type { TaskHelpers } from '../../orchestration/tasks/task.ts';

/** How long something took, over some repetitions. In milliseconds, to a thousandth. */
export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

/** Why a measurement ended early: what was measured failed, or gave no answer within the time. */
export interface MeasuringFault {
  readonly kind: 'failed' | 'hung';
  /** From the start of the operation that did not end well. */
  readonly afterMs: number;
  /** In words for people: a name from a protocol or an error code, never the text of the fault. */
  readonly reason: string;
}

export interface Measured<A = unknown> {
  /** Absent where not one repetition has ended well. */
  readonly times?: Percentiles;
  /** What the last one gave that ended well. */
  readonly last?: A;
  readonly fault?: MeasuringFault;
}

export interface Limits {
  /** For all repetitions together; the one that is under way then is given up. */
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

const NO_ANSWER = 'no answer in time';

/** Whatever is given up sooner may only be slow. */
const HANGS_FROM_MS = 1_000;

/** What a task keeps of its time to say what it has found. */
const TO_ANSWER_MS = 700;

/** How long a look of a task may take: as long as it wants, or what is left until the task's deadline. */
export function timeFor(
  { deadline, clock }: Pick<TaskHelpers, 'deadline' | 'clock'>,
  wantedMs: number,
): number {
  return Math.max(1, Math.min(wantedMs, deadline.getTime() - clock.now().getTime() - TO_ANSWER_MS));
}

/** Repeats an operation and says how long it took; as `measureEach`. */
export const measure = <A>(
  act: (signal: AbortSignal) => Promise<A>,
  { times, ...limits }: Limits & { readonly times: number },
): Promise<Measured<A>> => measureEach(Array.from({ length: times }), (_, signal) => act(signal), limits);

/**
 * Does the same with one after another and says how long it took. The first does not count where there are others, since it
 * opens connections. It never rejects and never lasts longer than it may, whatever the operation does with its signal.
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
      // One that had no time of its own says nothing.
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

/** @throws RangeError for no durations at all */
export function percentiles(durations: readonly number[]): Percentiles {
  if (durations.length === 0) throw new RangeError('there is nothing to make percentiles of');
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}

export const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** Codes are of this form in Node, Azure Storage and undici; words of a fault are not. */
const code = /^[A-Za-z][A-Za-z0-9_]{2,59}$/;
/** How Redis begins a refusal. */
const redisRefusal = /^(NOAUTH|WRONGPASS|NOPERM|LOADING|READONLY|OOM|MISCONF|BUSY)\b/;

/** A fault whose message may be told. */
export class TellableFault extends Error {}

/** The innermost code of a fault, which says most; a name that is safe to tell. */
export function reasonOf(error: unknown): string {
  if (error instanceof TellableFault) return error.message;
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
