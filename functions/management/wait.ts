import * as z from 'zod';
import type { Caller } from '../../shared/orchestration/model/caller.ts';
import { hasEnded, type Plan } from '../../shared/orchestration/model/plan.ts';
import type { PlanStore } from '../../shared/orchestration/model/stores.ts';
import { fail, invalid, type Result, succeed } from '../../shared/platform/base/result.ts';
import type { Stored } from '../../shared/platform/tables/tables.ts';
import type { Call } from '../http/route.ts';
import { callerOf } from './caller.ts';

/** The query parameter of routes that wait for work. */
export const waitParameter = ['wait'] as const;
const waitSchema = z.coerce.number().min(0).max(30);

/** Returns the seconds of `?wait=`, or 0 when it is absent. Failure: `invalid`. */
export function waitSeconds(query: URLSearchParams): Result<number> {
  const parsed = waitSchema.safeParse(query.get('wait') ?? 0);
  return parsed.success ? succeed(parsed.data) : invalid('wait', 'must be a number of seconds from 0 to 30');
}

/** Pauses between reads of long polling: short at first for quick work, then longer to spare the table. */
const FIRST_PAUSE_MS = 15;
const PAUSE_GROWTH = 1.5;
const LAST_PAUSE_MS = 400;

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Reads until the value has ended or the time is up. Returns the value that was read last. */
export async function readUntil<T>(
  read: () => Promise<T>,
  hasEnded: (value: T) => boolean,
  seconds: number,
  signal: AbortSignal,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LAST_PAUSE_MS)) {
    const value = await read();
    if (hasEnded(value) || signal.aborted || performance.now() + pauseMs > end) return value;
    await pause(pauseMs);
  }
}

/** A caller of work that goes on after the answer, and how long the answer waits for it. */
export interface Asker {
  readonly caller: Caller;
  /**
   * Waits for work that was just begun. Returns its state when it has ended or the time is up, or `made` without a wait and for
   * removed work.
   */
  readonly follow: <T>(
    made: T,
    read: () => Promise<T | undefined>,
    ended: (value: T) => boolean,
  ) => Promise<T>;
}

/** Returns the caller of a request with the wait of `?wait=`. Failure: `invalid`. */
export function askerOf(call: Call<unknown>, defaultWait = '0'): Result<Asker> {
  const wait = waitSeconds(new URLSearchParams({ wait: call.query.get('wait') ?? defaultWait }));
  if (!wait.ok) return wait;
  return succeed({
    caller: callerOf(call),
    follow: async <T>(made: T, read: () => Promise<T | undefined>, ended: (value: T) => boolean) => {
      if (wait.value === 0) return made;
      // The work has only just begun, so a read would find no end.
      await pause(FIRST_PAUSE_MS);
      const isOver = (found: T | undefined) => found === undefined || ended(found);
      return (await readUntil(read, isOver, wait.value, call.signal)) ?? made;
    },
  });
}

/** Waits for a plan that was just begun, and returns its state. */
export const followPlan = (begun: Plan, { follow }: Asker, plans: PlanStore): Promise<Plan> =>
  follow(begun, async () => (await plans.find(begun.tenantId, begun.id))?.value, hasEnded);

/**
 * Returns what the caller's tenant has under the path's `{id}`, once it has ended or the time of `?wait=` is up. `noun` names
 * its kind in errors. Failures: `invalid`, `not_found`.
 */
export async function readById<T>(
  { actor, params: { id = '' }, query, signal }: Call<unknown>,
  noun: string,
  find: (tenantId: string, id: string) => Promise<Stored<T> | undefined>,
  ended: (value: T) => boolean,
): Promise<Result<T>> {
  const wait = waitSeconds(query);
  if (!wait.ok) return wait;
  const read = () => find(actor.tenantId, id);
  const stored = await readUntil(read, (found) => !found || ended(found.value), wait.value, signal);
  return stored ? succeed(stored.value) : fail({ kind: 'not_found', message: `there is no ${noun} "${id}"` });
}
