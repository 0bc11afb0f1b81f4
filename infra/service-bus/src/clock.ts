/** Time as the broker sees it; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `ring` once after `delayMs`, unless the returned function is called first. */
  after(delayMs: number, ring: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, ring) {
    const timer = setTimeout(ring, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
