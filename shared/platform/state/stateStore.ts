import type * as z from 'zod';
import { parseJson } from '../base/json.ts';

/**
 * Short-lived state that every instance of both apps shares: sessions, caches, limits, leases. Redis and Azure Tables each have an
 * implementation with these guarantees:
 *
 * - Each call is atomic: no caller sees half of it, and of two conflicting calls one succeeds.
 * - Expected outcomes are returned. A failure is thrown as InfrastructureError: on Redis within about two seconds, on Tables when
 *   `Table` has stopped to retry. It never reads as "absent". A change that threw may have happened, or may still happen.
 * - A value, a counter and a lease of the same key are independent.
 * - Everything expires: after its TTL it is absent to every call. Redis measures by its own clock. On Tables each instance measures by
 *   its own clock, so a value or a window may end sooner or later by the difference of two clocks. Leases allow for a difference of
 *   `CLOCK_TOLERANCE_MS`.
 * - State that Redis loses (a restart without persistence, eviction, a failover) is absent. `Lease` explains the effect on leases.
 * - Keys, values and times outside `stateBounds` are a RangeError, and nothing is sent.
 */
export interface StateStore {
  get(key: string): Promise<string | undefined>;

  /** Sets the value and its TTL. */
  set(key: string, value: string, ttlMs: number): Promise<void>;

  delete(key: string): Promise<'deleted' | 'absent'>;

  /**
   * Sets the value only if the present value equals `expected`, or is absent where `expected` is undefined. It compares texts: a
   * value that changed and changed back counts as unchanged.
   */
  compareAndSet(
    key: string,
    expected: string | undefined,
    value: string,
    ttlMs: number,
  ): Promise<'stored' | 'conflict'>;

  /**
   * Adds `by` to a counter. The window begins with the first increment and lasts `windowMs`. After it the counter begins again.
   * Every increment counts in exactly one window, and no two callers get the same count.
   */
  increment(key: string, by: number, windowMs: number): Promise<Count>;

  /** Claims the lease if it is free. Of any number of concurrent callers, one gets it. */
  claim(key: string, ttlMs: number): Promise<Claim>;

  /** Extends the lease to `ttlMs` from now. Its fence stays. `lost`: the lease expired, was released, or has another holder. */
  renew(lease: HeldLease, ttlMs: number): Promise<Renewal>;

  /** Frees the lease for the next caller at once. `lost`: it had expired; a later holder keeps it. */
  release(lease: HeldLease): Promise<'released' | 'lost'>;
}

export interface Count {
  /** The sum of this window, with this increment. */
  readonly count: number;
  /** Milliseconds until the window ends. */
  readonly remainingMs: number;
}

/** The proof of a holder. It may be stored, and used later by another instance. */
export interface HeldLease {
  readonly key: string;
  readonly fence: number;
}

/**
 * An exclusive right for a limited time. As long as the store loses nothing, the lease is granted again only after `expiresAt`
 * of its holder: a holder that stops by then is alone.  A holder may not know that it has lost the lease: it was paused past
 * `expiresAt`, or Redis lost the lease and granted it again. Renewal and release then fail, but the holder can still write
 * elsewhere. So the guarded resource must check the fence: store the highest fence beside the resource, in the same atomic
 * write, and reject a write with a lower fence.
 */
export interface Lease extends HeldLease {
  /**
   * Grows with every grant of this key, and stays below 2^53. It comes from the time in microseconds, so it grows also after
   * Redis lost the lease, and after a change of the implementation. It could shrink only if a clock is set back by more than the
   * time since the last grant, and that grant is no longer stored (after `fenceMemoryMs`, or after a restart of Redis).
   */
  readonly fence: number;
  /** By the clock of the instance that asked, and counted from before it asked: never later than in the store. */
  readonly expiresAt: Date;
}

export type Claim =
  | { readonly status: 'claimed'; readonly lease: Lease }
  /** `retryAfterMs`: the time until the lease expires, unless its holder renews or releases it. */
  | { readonly status: 'held'; readonly retryAfterMs: number };

export type Renewal = { readonly status: 'renewed'; readonly lease: Lease } | { readonly status: 'lost' };

/** Milliseconds for which the last fence of a lease is stored after its end. */
export const fenceMemoryMs = 3_600_000;

/**
 * Returns a stored JSON value, or `undefined` where there is none or it does not match the schema: an older version may have
 * written it.
 */
export const parseStateValue = <T>(text: string | undefined, schema: z.ZodType<T>): T | undefined =>
  text === undefined ? undefined : schema.safeParse(parseJson(text)).data;
