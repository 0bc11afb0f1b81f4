/**
 * Short-lived state that every instance of both apps shares: sessions, caches, limits, leases. Two implementations keep
 * these promises, on Redis and on Azure Tables.
 *
 * - Each call is atomic: no other caller sees half of it, and of two that cannot both succeed one does.
 * - What can be expected is returned. A fault is thrown as InfrastructureError, on Redis within about two seconds, on
 *   Tables when `Table` has given up; it never reads as "absent". A change that threw may have happened, or may still happen.
 * - A value, a counter and a lease of the same key are three things.
 * - Everything ends: after its TTL it is absent to every call. Redis measures by its own clock. On Tables each instance
 *   judges by its own clock, so that a value or a window may end sooner or later by the difference of two clocks.
 *   Leases allow for that difference, up to 30 seconds.
 * - What Redis forgets (a restart without persistence, eviction, a failover) is absent; `Lease` says what that means for leases.
 * - Keys, values and times out of `stateBounds` are a RangeError before anything is sent.
 */
export interface StateStore {
  get(key: string): Promise<string | undefined>;

  /** Replaces the value, if there is one, and its TTL. */
  set(key: string, value: string, ttlMs: number): Promise<void>;

  delete(key: string): Promise<'deleted' | 'absent'>;

  /**
   * Sets the value only if it is now just `expected`, or absent where that is undefined. It compares the text: a value
   * that changed and changed back counts as unchanged.
   */
  compareAndSet(
    key: string,
    expected: string | undefined,
    value: string,
    ttlMs: number,
  ): Promise<'stored' | 'conflict'>;

  /**
   * Adds `by` to a counter. Its window begins with the first increment, lasts `windowMs` whatever comes later, and then
   * the counter begins again. Every increment counts in just one window, and no two callers get the same count.
   */
  increment(key: string, by: number, windowMs: number): Promise<Count>;

  /** Takes the lease if nobody has it. Of any number of callers at once, one gets it. */
  claim(key: string, ttlMs: number): Promise<Claim>;

  /** The lease now ends `ttlMs` from now; its fence stays. `lost`: it ended, was released, or is another's. */
  renew(lease: HeldLease, ttlMs: number): Promise<Renewal>;

  /** Another may claim it at once. `lost`: it had ended already; whoever has it now keeps it. */
  release(lease: HeldLease): Promise<'released' | 'lost'>;
}

export interface Count {
  /** All of this window, this increment included. */
  readonly count: number;
  /** Until the window ends. */
  readonly remainingMs: number;
}

/** What proves that a lease is one's own. It may be kept and shown later by another instance. */
export interface HeldLease {
  readonly key: string;
  readonly fence: number;
}

/**
 * The right to do something alone, for a while. As long as the store forgets nothing, it is granted again only after
 * `expiresAt` of its holder: a holder that stops by then shares it with nobody.
 *
 * A holder may still believe in a lease that it has lost: it was paused past `expiresAt`, or Redis forgot and granted
 * the lease again. Renewal and release are then refused, but nothing stops the holder from writing elsewhere. So whatever
 * is guarded must check the fence: keep the highest fence seen beside the guarded thing, in the same atomic write, and
 * refuse any write that carries a lower one.
 */
export interface Lease extends HeldLease {
  /**
   * Grows with every grant of this key. It comes from the time in microseconds, so it goes on growing when Redis has
   * forgotten and when the implementation is changed; below 2^53. Only a clock set back, further than the time since the
   * last grant and after that grant was forgotten (`fenceMemoryMs` or a restart of Redis), could break this.
   */
  readonly fence: number;
  /** By the clock of the instance that asked; counted from before it asked, so never later than the store believes. */
  readonly expiresAt: Date;
}

export type Claim =
  | { readonly status: 'claimed'; readonly lease: Lease }
  /** `retryAfterMs`: when it can be claimed if its holder neither renews nor releases it. */
  | { readonly status: 'held'; readonly retryAfterMs: number };

export type Renewal = { readonly status: 'renewed'; readonly lease: Lease } | { readonly status: 'lost' };

/** How long the last fence of a lease is remembered after it ended. */
export const fenceMemoryMs = 3_600_000;
